/** Whether more or less is better, and what follows the number. */
export type Unit = "/s" | "ms" | "s" | "MB";

/**
 * kube-apiserver 1.36 with etcd (without fsync), controller manager and scheduler, under the same load. Recorded once
 * on two cores of a quiet machine, and not measured again by this bench; on a busy machine only the ratios of runs of
 * the same kind say something.
 */
export const recordedFigures: Readonly<Record<string, { readonly value: number; readonly unit: Unit }>> = {
  "ready after its start": { value: 2300, unit: "ms" },
  "create 2,000 ConfigMaps": { value: 1818, unit: "/s" },
  "get 2,000 ConfigMaps": { value: 3821, unit: "/s" },
  "merge patch": { value: 1892, unit: "/s" },
  "strategic merge patch": { value: 1892, unit: "/s" },
  "server-side apply": { value: 1760, unit: "/s" },
  "list 2,000 ConfigMaps": { value: 29, unit: "ms" },
  "list 2,000 ConfigMaps as a Table": { value: 21, unit: "ms" },
  "list one in ten by label": { value: 4.8, unit: "ms" },
  "a write until 10 watchers have it, p50": { value: 1.62, unit: "ms" },
  "a write until 10 watchers have it, p99": { value: 3.4, unit: "ms" },
  "create 5,000 pods": { value: 1533, unit: "/s" },
  "list 5,000 pods": { value: 121, unit: "ms" },
  "list 5,000 pods as a Table": { value: 88, unit: "ms" },
  "list the pods of one node": { value: 5.9, unit: "ms" },
  "WatchList of 5,000 pods": { value: 199, unit: "ms" },
  "delete the collection of 2,000 ConfigMaps": { value: 1.1, unit: "s" },
  "delete the collection of 5,000 pods": { value: 6.8, unit: "s" },
  "API groups, aggregated": { value: 0.75, unit: "ms" },
  "OpenAPI v3 of the core group": { value: 6.8, unit: "ms" },
  "OpenAPI v2": { value: 9.2, unit: "ms" },
  "memory with these objects": { value: 300, unit: "MB" },
};

export const isBetterHigher = (unit: Unit) => unit === "/s";
