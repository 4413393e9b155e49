import type { Condition, Kind, KubeObject, LabelSelector, PodTemplate } from "../../kube/index.ts";

/** Kubernetes batch/v1 Job, the fields that are read or written here. */
export interface Job extends KubeObject {
  readonly spec: {
    readonly parallelism?: number;
    readonly completions?: number;
    readonly completionMode?: "NonIndexed" | "Indexed";
    readonly backoffLimit?: number;
    readonly activeDeadlineSeconds?: number;
    readonly ttlSecondsAfterFinished?: number;
    readonly suspend?: boolean;
    readonly selector?: LabelSelector;
    readonly template: PodTemplate;
  };
  readonly status?: {
    readonly active?: number;
    readonly ready?: number;
    readonly terminating?: number;
    readonly succeeded?: number;
    readonly failed?: number;
    readonly completedIndexes?: string;
    readonly startTime?: string;
    readonly completionTime?: string;
    readonly conditions?: readonly Condition[];
    readonly uncountedTerminatedPods?: object;
  };
}

export const jobs: Kind<Job> = {
  group: "batch",
  version: "v1",
  kind: "Job",
  plural: "jobs",
  namespaced: true,
};

export const indexAnnotation = "batch.kubernetes.io/job-completion-index";

/** Numbers as Kubernetes writes them in status.completedIndexes: "0-2,5". */
export function formatIndexes(indexes: ReadonlySet<number>): string {
  const ranges: [first: number, last: number][] = [];
  for (const index of [...indexes].sort((a, b) => a - b)) {
    const range = ranges.at(-1);
    if (range !== undefined && range[1] === index - 1) range[1] = index;
    else ranges.push([index, index]);
  }
  return ranges
    .map(([first, last]) =>
      first === last ? `${first}` : `${first}${last === first + 1 ? "," : "-"}${last}`,
    )
    .join(",");
}

/** The reverse of formatIndexes, for numbers below `limit`. */
export function parseIndexes(text: string | undefined, limit: number): Set<number> {
  const indexes = new Set<number>();
  for (const range of (text ?? "").split(",")) {
    const [first = "", last = first] = range.split("-");
    if (!/^\d+$/.test(first) || !/^\d+$/.test(last)) continue;
    for (let index = Number(first); index <= Math.min(Number(last), limit - 1); index++) indexes.add(index);
  }
  return indexes;
}
