import type { Pod, Service } from "../../kube/index.ts";

/** What is behind an address. */
export interface Place {
  readonly kind: "pod" | "gateway";
  readonly cluster: string;
  readonly namespace: string;
  readonly name: string;
}

/** A cluster's objects, as far as addresses are about them. */
export interface PlacedCluster {
  readonly name: string;
  readonly network?: string;
  readonly pods: readonly Pod[];
  readonly services: readonly Service[];
}

/** What is behind an address "127.16.0.5:5000", as it is seen in a cluster; undefined for what nobody knows. */
export type FindPlace = (address: string, from: string) => Place | undefined;

/**
 * Finds pods by their addresses, which count in their own network only, and load balancers of gateways by theirs, which
 * lead there from everywhere.
 */
export function placesIn(clusters: readonly PlacedCluster[]): FindPlace {
  const pods = new Map<string, Map<string, Place>>();
  const gateways = new Map<string, Place>();
  for (const { name: cluster, pods: all, services } of clusters) {
    const own = new Map<string, Place>();
    pods.set(cluster, own);
    for (const { metadata, spec, status } of all) {
      if (spec["hostNetwork"] === true) continue;
      const { name, namespace = "default" } = metadata;
      for (const ip of [status?.podIP, ...(status?.podIPs ?? []).map((one) => one.ip)])
        if (ip !== undefined) own.set(ip, { kind: "pod", cluster, namespace, name });
    }
    for (const { metadata, status } of services) {
      const { name, namespace = "default" } = metadata;
      for (const { ip, hostname } of status?.loadBalancer?.ingress ?? []) {
        const address = ip ?? hostname;
        if (address !== undefined) gateways.set(address, { kind: "gateway", cluster, namespace, name });
      }
    }
  }
  const networkOf = new Map(clusters.map(({ name, network }) => [name, network]));
  return (address, from) => {
    const host = hostOf(address);
    const own = pods.get(from)?.get(host);
    if (own !== undefined) return own;
    for (const { name } of clusters) {
      if (name === from || networkOf.get(name) !== networkOf.get(from)) continue;
      const found = pods.get(name)?.get(host);
      if (found !== undefined) return found;
    }
    return gateways.get(host);
  };
}

function hostOf(address: string): string {
  const [, bracketed] = /^\[([^\]]+)\]/.exec(address) ?? [];
  return bracketed ?? address.replace(/:\d+$/, "");
}
