import type { Finding } from "../checks/index.ts";

/** The same for the same trouble with the same objects, whatever its texts say meanwhile. */
export function findingId({ code, cluster, objects }: Finding): string {
  const [first] = objects;
  const about =
    first === undefined
      ? []
      : [first.cluster, first.kind, first.namespace ?? "", first.name, first.path ?? ""];
  return [code, cluster, ...about].join("|");
}
