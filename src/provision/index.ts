/**
 * provision: what creates the clusters of a mesh file at their providers, in the providers' own tools.
 *
 * planProvisioning is pure: a mesh to files (eksctl, Terraform, vcluster, kind) and commands (gcloud, az, liqoctl …), with
 * address ranges that don't overlap. runSteps runs them, one after the other, and goes on where it stopped.
 *
 * Knows no SDK of a cloud, holds no credential, and reads no cluster.
 */
export { mostClusters } from "./allot-addresses.ts";
export type { Provisioning, ProvisionStep } from "./contracts.ts";
export { type ContextFacts, detectProvider } from "./detect-provider.ts";
export { checkProvisioning, numberClusters, planProvisioning } from "./plan-provisioning.ts";
export { renderDeletion, renderScript } from "./render-script.ts";
export { runCommand } from "./run/run-command.ts";
export {
  type CommandResult,
  type ProvisionProgress,
  type RunOptions,
  runSteps,
} from "./run/run-steps.ts";
