import { kinds } from "../../kube/index.ts";
import type { MeshCluster } from "../api.ts";
import type { SourceCluster, SourceState } from "../contracts.ts";
import type { Reader } from "../reader.ts";

/** A cluster as pages show it, without its requests. */
export async function shownCluster(
  reader: Reader,
  state: SourceState,
  cluster: SourceCluster,
): Promise<MeshCluster> {
  const { name, network, region, primary, role, api, registry, waitingFor, pods } = cluster;
  const own = state.proxies.filter((proxy) => proxy.cluster === name);
  const deployments = await reader.list(name, kinds.deployments);
  const lastSeen = reader.lastSeen(name);
  const intermediate = state.trust.find((trust) => trust.cluster === name)?.intermediate;
  return {
    name,
    ...(network === undefined ? {} : { network }),
    ...(region === undefined ? {} : { region }),
    role,
    primary,
    istioVersion: cluster.istioVersion,
    hasControlPlane: primary === name && role === "workload",
    state: cluster.state,
    ...(waitingFor === undefined ? {} : { waitingFor }),
    ...(lastSeen === undefined ? {} : { lastSeen }),
    api,
    ...(registry === undefined ? {} : { registry }),
    proxies: { synced: own.filter((proxy) => proxy.state === "SYNCED").length, total: own.length },
    pods,
    workloads: deployments.items.length,
    gateways: state.gateways.filter((gateway) => gateway.cluster === name),
    ...(intermediate === undefined ? {} : { intermediate }),
  };
}
