import { systemNamespace } from "../../kube/index.ts";
import type { Cluster, ClusterName, Mesh, OffloadedNamespace, Peering } from "../../mesh/index.ts";
import { providersOf } from "../topology.ts";

/** The namespace in which a consumer keeps what is about one provider, as Liqo names it. */
export function tenantNamespace(provider: string): string {
  return `liqo-tenant-${provider}`;
}

/** A namespace of a consumer that exists on some of its providers too. */
export interface Offloaded {
  readonly namespace: string;
  readonly pods: OffloadedNamespace["pods"];
  readonly providers: readonly ClusterName[];
  readonly from: string;
}

/** The peerings in which a cluster is the consumer, in the order of the file. */
export function peeringsOf({ name }: Cluster, mesh: Mesh): readonly Peering[] {
  return mesh.peerings.filter(
    ({ consumer, provider }) => consumer === name && mesh.clusters.get(provider)?.consumer === name,
  );
}

/**
 * Everything that a consumer offloads: Istio's namespace, whose pods stay but whose Services the proxies on a provider
 * must find; the namespaces of each provider's gateways, whose pods all run there; those that the peerings name.
 */
export function offloadedNamespaces(consumer: Cluster, mesh: Mesh): readonly Offloaded[] {
  const peerings = peeringsOf(consumer, mesh);
  const [first] = peerings;
  if (first === undefined) return [];
  const found = new Map<string, Offloaded>();
  const add = (namespace: string, pods: Offloaded["pods"], provider: ClusterName, from: string) => {
    const before = found.get(namespace);
    const providers = [...new Set([...(before?.providers ?? []), provider])];
    found.set(namespace, { namespace, pods, providers, from: before?.from ?? from });
  };
  for (const { provider } of peerings) add(systemNamespace, "Local", provider, first.from);
  for (const { name, gateways } of providersOf(mesh, consumer))
    for (const gateway of Object.values(gateways))
      if (gateway !== undefined) add(gateway.namespace, "Remote", name, gateway.from);
  for (const { provider, namespaces } of peerings)
    for (const { name, pods, from } of namespaces) add(name, pods, provider, from);
  return [...found.values()];
}

/** The namespaces that come to a provider by offloading. */
export function namesOffloadedTo(provider: Cluster, mesh: Mesh): ReadonlySet<string> {
  const consumer = mesh.clusters.get(provider.consumer ?? provider.name);
  if (provider.consumer === undefined || consumer === undefined) return new Set();
  return new Set(
    offloadedNamespaces(consumer, mesh)
      .filter(({ providers }) => providers.includes(provider.name))
      .map(({ namespace }) => namespace),
  );
}
