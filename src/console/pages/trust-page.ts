import type { TrustPage } from "../api.ts";
import type { Reader } from "../reader.ts";
import { ofWorkloads } from "./of-workloads.ts";

/** Who signs what, and who believes whom. */
export async function trustPage(reader: Reader): Promise<TrustPage> {
  const state = await reader.state();
  const { trust, proxies } = state;
  return {
    trustDomain: ofWorkloads(state, ({ trustDomain }) => trustDomain),
    clusters: trust.map(({ cluster, root, intermediate, believed }) => ({
      cluster,
      root,
      intermediate,
      believed,
      proxies: proxies.filter((proxy) => proxy.cluster === cluster).length,
      believedBy: trust
        .filter((other) => other.believed.some(({ fingerprint }) => fingerprint === root.fingerprint))
        .map((other) => other.cluster),
    })),
  };
}
