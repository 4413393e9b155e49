import { kinds } from "../../kube/index.ts";
import type { Destination, DestinationsPage } from "../api.ts";
import type { Reader } from "../reader.ts";
import { explainDestination, type ServiceFacts } from "./explain-endpoints.ts";
import { readWorkloads } from "./read-workloads.ts";

/** Where the proxy of a pod may send requests, and why there. */
export async function destinationsPage(
  reader: Reader,
  _: URLSearchParams,
  names: Readonly<Record<string, string>>,
): Promise<DestinationsPage> {
  const { cluster = "", namespace = "", pod = "" } = names;
  const [state, rows] = await Promise.all([
    reader.state(),
    reader.source.endpoints({ cluster, namespace, name: pod }),
  ]);
  const primary = state.clusters.find(({ name }) => name === cluster)?.primary ?? cluster;
  const [destinationRules, serviceEntries, clusters] = await Promise.all([
    reader.list(primary, kinds.destinationRules),
    reader.list(primary, kinds.serviceEntries),
    Promise.all(
      state.clusters.map(async ({ name, network }): Promise<ServiceFacts> => {
        const [services, slices, { pods, away }] = await Promise.all([
          reader.list(name, kinds.services),
          reader.list(name, kinds.endpointSlices),
          readWorkloads(reader, name),
        ]);
        return {
          cluster: name,
          network,
          services: services.items,
          slices: slices.items,
          pods,
          away: away?.reason,
          gateway: state.gateways.find((one) => one.cluster === name && one.kind === "eastwest"),
        };
      }),
    ),
  ]);
  const facts = {
    from: { cluster, network: state.clusters.find(({ name }) => name === cluster)?.network, primary },
    clusters,
    destinationRules: destinationRules.items,
    serviceEntries: serviceEntries.items,
  };
  const byName = new Map<string, (typeof rows)[number][]>();
  for (const row of rows) byName.set(row.cluster, [...(byName.get(row.cluster) ?? []), row]);
  return {
    destinations: [...byName]
      .flatMap(([name, endpoints]): Destination[] => {
        const destination = explainDestination(name, endpoints, facts);
        return destination === undefined ? [] : [destination];
      })
      .sort((a, b) => a.host.localeCompare(b.host) || a.port - b.port || compareText(a.subset, b.subset)),
  };
}

function compareText(a = "", b = ""): number {
  return a.localeCompare(b);
}
