import type { ClusterView, MeshView } from "./contracts.ts";

/** What one control plane works with. */
export interface Scope {
  /** The cluster that it runs in, and where it reads Istio's objects. */
  readonly config: ClusterView;
  /** The clusters whose proxies it configures, `config` first. */
  readonly served: readonly ClusterView[];
  /** The clusters whose Services and pods it knows, `config` first. */
  readonly known: readonly ClusterView[];
  /** Whether all of them could be read: only then may something be called absent. */
  readonly isWhole: boolean;
}

/** The control planes of the mesh, each with the clusters that it works with. */
export function scopesOf({ clusters, unread }: MeshView): readonly Scope[] {
  return clusters
    .filter(({ name, primary }) => name === primary)
    .map((config) => {
      const others = clusters.filter((one) => one !== config);
      return {
        config,
        served: [config, ...others.filter(({ primary }) => primary === config.name)],
        known: [config, ...others.filter(({ name }) => config.reads.includes(name))],
        isWhole: !unread.some(({ name, primary }) => primary === config.name || config.reads.includes(name)),
      };
    });
}
