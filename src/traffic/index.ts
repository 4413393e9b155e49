/**
 * traffic: what callers in a mesh will notice of a change, told before it is made.
 *
 * planTraffic reads the clusters; applyChanges makes of them what an apply and the controllers after it would, viewMesh
 * lets discovery translate either state for every proxy, and compareTraffic says which cells of caller and service differ:
 * the split over versions and clusters, mTLS, access.
 *
 * Only reads: sends no request through the mesh, and changes nothing in a cluster.
 */
export type { Effect } from "./apply-changes.ts";
export type { TrafficChange, TrafficEffect } from "./compare-traffic.ts";
export { type PlannedTraffic, planTraffic, type TrafficReport } from "./plan-traffic.ts";
export type { CellState, TrafficShare } from "./traffic-matrix.ts";
