import type { Cluster } from "../mesh/index.ts";

/** Nodes of one kind in one place. */
export interface NodeGroup {
  /** "nodes", "gpu", with the zone where there are several. */
  readonly name: string;
  readonly count: number;
  readonly zone?: string;
  /** Of each node. */
  readonly gpus: number;
}

const gpu = "nvidia.com/gpu";

/** The nodes of a cluster by zone and by whether they have GPUs. Ordinary nodes come first. */
export function nodeGroups({ nodes, zone: wide }: Cluster): readonly NodeGroup[] {
  const groups = new Map<string, { count: number; zone?: string; gpus: number }>();
  for (const { zone = wide, capacity } of nodes) {
    const gpus = Number(capacity[gpu] ?? 0);
    const key = `${gpus} ${zone ?? ""}`;
    const group = groups.get(key) ?? { count: 0, gpus, ...(zone === undefined ? {} : { zone }) };
    group.count++;
    groups.set(key, group);
  }
  const all = [...groups.values()].sort((a, b) => a.gpus - b.gpus);
  const zones = new Set(all.map(({ zone }) => zone));
  return all.map((group) => {
    const kind =
      group.gpus > 0
        ? all.some((one) => one.gpus > 0 && one.gpus !== group.gpus)
          ? `gpu${group.gpus}`
          : "gpu"
        : "nodes";
    return { ...group, name: zones.size > 1 && group.zone !== undefined ? `${kind}-${group.zone}` : kind };
  });
}

/** "1.33" of "v1.33.1". */
export function minorVersion(version: string): string {
  return version.replace(/^v/, "").split(".").slice(0, 2).join(".");
}
