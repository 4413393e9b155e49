/**
 * compile: a mesh and its manifests to objects per cluster, in the order of applying.
 *
 * loadManifests reads what the mesh file names through an interface; compile is pure: same mesh, same bytes;
 * renderFiles writes the result as YAML files for people, reviews and GitOps.
 *
 * Never reads a cluster, renders no Helm chart, and makes no key, certificate or token.
 */
export { compile } from "./compile.ts";
export { type ChartReference, type Compiled, type CompiledItem, type Wave, waves } from "./compiled.ts";
export type { GitopsOptions, RenderedGitops } from "./gitops/contracts.ts";
export { renderGitops } from "./gitops/render-gitops.ts";
export { type AddressReference, addressReference, fillAddresses } from "./late-addresses.ts";
export { addressShape } from "./load-balancers/provider-annotations.ts";
export { type LoadedManifests, loadManifests } from "./manifests/load-manifests.ts";
export {
  type ManifestContent,
  type ManifestObject,
  type ManifestReader,
  noManifests,
} from "./manifests/manifest-content.ts";
export { kubernetesCluster } from "./outputs/management.ts";
export { agentIdentity, relayCredentialName } from "./outputs/management-workloads.ts";
export { tenantNamespace } from "./outputs/offloaded-namespaces.ts";
export { clustersReadBy } from "./outputs/remote-credentials.ts";
export { renderFiles } from "./render/render-files.ts";
export { managementCluster } from "./topology.ts";
