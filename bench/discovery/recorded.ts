import type { Protocol } from "./ads-client.ts";

/** What is changed in a run. "everything" is a setting of the mesh that all resources show. */
export const events = ["EndpointSlice", "ServiceEntry", "VirtualService", "everything"] as const;
export type Event = (typeof events)[number];

export interface Recorded {
  /** Milliseconds from sending the change until the first, middle and last client hold it; medians of several changes. */
  readonly first?: number;
  readonly middle?: number;
  readonly last: number;
  /** CPU seconds of the control plane for one change. */
  readonly cpu?: number;
  /** Memory of the control plane, MB. */
  readonly memory?: number;
}

/**
 * istiod's figures by "SIZE PROTOCOL CLIENTS EVENT". Recorded once on two cores with Istio's development version
 * of August 2026, kube-apiserver and etcd, istiod's debounce of 100 ms, its rate limit lifted; "everything" was an
 * EnvoyFilter that concerns all proxies. They are ±30 %, and not measured again by this bench.
 */
export const recordedFigures: Readonly<Record<string, Recorded>> = {
  "M delta 1 EndpointSlice": { last: 104.6, cpu: 0.01, memory: 123 },
  "M delta 1 ServiceEntry": { last: 106.4, cpu: 0.01, memory: 127 },
  "M delta 1 VirtualService": { last: 110.6, cpu: 0.01 },
  "M delta 1 everything": { last: 109.6, cpu: 0.01 },
  "M delta 100 EndpointSlice": { first: 108, middle: 110, last: 113, cpu: 0.01, memory: 295 },
  "M delta 100 ServiceEntry": { first: 110, middle: 113, last: 117, cpu: 0.01, memory: 269 },
  "M delta 100 VirtualService": { first: 123, middle: 176, last: 193, cpu: 0.12, memory: 326 },
  "M delta 100 everything": { first: 113, middle: 163, last: 244, cpu: 0.18, memory: 339 },
  "M delta 1000 EndpointSlice": { first: 111, middle: 157, last: 183, cpu: 0.09, memory: 675 },
  "M delta 1000 ServiceEntry": { first: 112, middle: 157, last: 175, cpu: 0.1, memory: 680 },
  "M delta 1000 VirtualService": { first: 123, middle: 573, last: 841, cpu: 1.05, memory: 731 },
  "M delta 1000 everything": { first: 110, middle: 900, last: 1905, cpu: 1.72, memory: 906 },
  "M state-of-the-world 1000 EndpointSlice": { first: 114, middle: 169, last: 193, cpu: 0.11, memory: 603 },
  "Big delta 1 EndpointSlice": { last: 104, memory: 159 },
  "Big delta 1 everything": { last: 128, cpu: 0.04, memory: 176 },
  "Big delta 100 EndpointSlice": { first: 111, middle: 115, last: 118, cpu: 0.02, memory: 443 },
  "Big delta 100 everything": { first: 148, middle: 477, last: 813, cpu: 0.96, memory: 527 },
};

/** The recorded figure for a case, if istiod was measured in it. */
export function recorded(
  size: string,
  protocol: Protocol,
  clients: number,
  event: Event,
): Recorded | undefined {
  return recordedFigures[`${size} ${protocol} ${clients} ${event}`];
}
