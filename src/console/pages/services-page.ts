import { kinds, type Service, serviceNameLabel } from "../../kube/index.ts";
import type { TrafficEdge } from "../../telemetry/index.ts";
import type { ObjectReference, ServiceRow, ServicesPage } from "../api.ts";
import type { Reader } from "../reader.ts";
import { rangeOf, sumTraffic } from "./traffic-sums.ts";

/** Every Service of the mesh once, whichever clusters have it. */
export async function servicesPage(reader: Reader, query: URLSearchParams): Promise<ServicesPage> {
  const range = rangeOf(query);
  const state = await reader.state();
  const rows = new Map<string, ServiceRow>();
  const away: ServicesPage["away"][number][] = [];
  const rules: { readonly host: string; readonly reference: ObjectReference }[] = [];
  for (const { name: cluster, primary } of state.clusters) {
    const [services, slices, virtualServices, destinationRules] = await Promise.all([
      reader.list(cluster, kinds.services),
      reader.list(cluster, kinds.endpointSlices),
      primary === cluster ? reader.list(cluster, kinds.virtualServices) : undefined,
      primary === cluster ? reader.list(cluster, kinds.destinationRules) : undefined,
    ]);
    if (services.away !== undefined)
      away.push({ cluster, since: services.away.since ?? 0, reason: services.away.reason });
    for (const service of services.items) {
      const { name, namespace = "default" } = service.metadata;
      const key = `${namespace}/${name}`;
      const row = rows.get(key) ?? {
        namespace,
        name,
        host: `${name}.${namespace}.svc.cluster.local`,
        ports: portsOf(service),
        clusters: [],
        rules: [],
      };
      const own = slices.items.filter(
        ({ metadata }) => metadata.namespace === namespace && metadata.labels?.[serviceNameLabel] === name,
      );
      const endpoints = own.flatMap((slice) => slice.endpoints ?? []);
      const { clusterIP = "" } = service.spec;
      rows.set(key, {
        ...row,
        clusters: [
          ...row.clusters,
          {
            cluster,
            type: service.spec.type ?? "ClusterIP",
            // A headless Service's name is answered with the addresses behind it.
            answer:
              clusterIP === "" || clusterIP === "None"
                ? endpoints.flatMap(({ addresses }) => addresses).slice(0, 4)
                : [clusterIP],
            endpoints: {
              ready: endpoints.filter(({ conditions }) => conditions?.ready !== false).length,
              total: endpoints.length,
            },
          },
        ],
      });
    }
    for (const { metadata, ...object } of [
      ...(virtualServices?.items ?? []),
      ...(destinationRules?.items ?? []),
    ]) {
      const { hosts = [], host } = (object["spec"] ?? {}) as { hosts?: readonly string[]; host?: string };
      const { name, namespace = "default" } = metadata;
      for (const one of host === undefined ? hosts : [host])
        rules.push({
          host: fullHost(one, namespace),
          reference: { cluster, kind: object.kind, namespace, name },
        });
    }
  }
  const graph = reader.graph({ level: "workload", rangeSeconds: range });
  const edges = new Map<string, TrafficEdge[]>();
  for (const edge of graph?.edges ?? [])
    if (edge.service !== undefined) edges.set(edge.service, [...(edges.get(edge.service) ?? []), edge]);
  return {
    services: [...rows.values()]
      .map((row) => {
        const own = edges.get(row.host);
        return {
          ...row,
          rules: rules.filter(({ host }) => host === row.host).map(({ reference }) => reference),
          ...(own === undefined ? {} : { traffic: sumTraffic(own) }),
        };
      })
      .sort((a, b) => a.namespace.localeCompare(b.namespace) || a.name.localeCompare(b.name)),
    away,
    clusters: state.clusters.filter(({ role }) => role === "workload").map(({ name }) => name),
    isMeasured: graph !== undefined,
  };
}

function portsOf({ spec }: Service): readonly string[] {
  return (spec.ports ?? []).map(({ port, name }) => (name === undefined ? String(port) : `${port} ${name}`));
}

/** "reviews" and "reviews.shop" are short for the Service's full name. */
function fullHost(host: string, namespace: string): string {
  const [name = "", place = namespace, ...rest] = host.split(".");
  return rest.length === 0 && !host.includes("*") ? `${name}.${place}.svc.cluster.local` : host;
}
