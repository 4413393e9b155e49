/**
 * checks: what keeps requests from working, or will: one engine over all clusters.
 *
 * checkMesh reads a few kinds of every cluster and gives Findings: effect first, then cause, evidence and the way out.
 * A healthy mesh gives none. Each check is a file; adding one is a file and a line in check-mesh.ts.
 *
 * Reads only, sends no requests (verify does), and knows no engine.
 */
export { checkMesh } from "./check-mesh.ts";
export type { CheckedCluster, Finding } from "./contracts.ts";
