/**
 * checks: what keeps requests from working, or will: one engine of checks over all clusters.
 *
 * checkMesh reads the kinds that matter of every cluster (read-cluster.ts, the one reader) and gives Findings: effect
 * first, then cause, evidence and the way out. A healthy mesh gives none. Each check is a pure function over what was
 * read, in a file of its own; adding one is a file, a line in check-mesh.ts and an entry in docs/diagnostics.md.
 *
 * Reads only, sends no requests (verify does), and knows no engine: what istiods say is handed in.
 */
export { checkMesh } from "./check-mesh.ts";
export type {
  CheckedCluster,
  CheckedMesh,
  ControlPlaneReport,
  Finding,
  RegisteredCluster,
} from "./contracts.ts";
