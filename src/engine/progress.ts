import type { Diagnostic } from "../base/index.ts";

/** What a start tells while it goes on. Plain data, so that it can cross to a waiting process. */
export type Progress =
  | {
      readonly kind: "clusters";
      readonly mesh: string;
      readonly dataplane: "builtin" | "envoy";
      readonly lines: readonly ClusterProgress[];
    }
  | { readonly kind: "cluster"; readonly cluster: ClusterProgress }
  | { readonly kind: "warning"; readonly diagnostic: Diagnostic }
  | { readonly kind: "note"; readonly text: string };

/** One cluster during a start. Times in milliseconds since the start. */
export interface ClusterProgress {
  readonly name: string;
  readonly network?: string;
  readonly region?: string;
  readonly api: string;
  /** "istiod", "← fra", "pods of consumer" or "management" */
  readonly controlPlane: string;
  readonly gateways: readonly string[];
  readonly pods: { readonly ready: number; readonly total: number };
  readonly waitingFor?: string;
  readonly readyAfter?: number;
}

/** Named points of a start, for --timings. Milliseconds since the process began. */
export interface Timings {
  mark(name: string): void;
  readonly marks: readonly { readonly name: string; readonly at: number }[];
}

export function createTimings(): Timings {
  const marks: { name: string; at: number }[] = [];
  return { marks, mark: (name) => marks.push({ name, at: performance.now() }) };
}
