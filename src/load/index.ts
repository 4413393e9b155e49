/**
 * load: steady requests to one URL, and what came back.
 *
 * startLoad sends them from this process, directly or in a pod's name through the pod's own HTTP proxy. Knows no mesh: who may
 * send what, and for how long, is for its callers to say.
 */
export type { Percentiles } from "./latencies.ts";
export { type Load, type LoadOptions, type LoadReport, startLoad } from "./start-load.ts";
