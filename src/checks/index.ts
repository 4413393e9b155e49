/**
 * checks: what keeps requests from working, or will: one engine of checks over all clusters.
 *
 * checkMesh reads the kinds that matter of every cluster (view/) and gives Findings: effect first, then cause, evidence
 * and the way out. checkObjects does it for objects in files. A healthy mesh gives none but hints. Each check is a pure
 * function over a view, in a file of its own in the folder that its codes begin with; adding one is a file, an entry in
 * checks.ts and one in docs/diagnostics.md, and a line in istio-codes.ts where Istio's analyzers know it.
 *
 * Reads only, sends no requests (verify does), and knows no engine: what istiods say is handed in.
 */
export { checkMesh } from "./check-mesh.ts";
export { checkObjects, type ObjectsOfCluster } from "./check-objects.ts";
export { checks } from "./checks.ts";
export type {
  Check,
  CheckedCluster,
  CheckedMesh,
  ControlPlaneReport,
  Finding,
  ObjectReference,
  RegisteredCluster,
  Severity,
  WrittenObject,
} from "./contracts.ts";
export { mendedBy, type RemediedObjects, type Remedy, remedyCommand } from "./remedy.ts";
