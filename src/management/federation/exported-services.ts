import type { Service } from "../../kube/index.ts";
import type { ClusterFacts, Offer, ServiceExport } from "./contracts.ts";

/** A Service that one cluster offers. */
export interface ExportedService {
  readonly cluster: ClusterFacts;
  readonly name: string;
  readonly namespace: string;
  /** Undefined: nobody has made the Service yet. */
  readonly service: Service | undefined;
  /** Absent when the whole namespace is exported, or a workspace exports it. */
  readonly by?: ServiceExport;
  /** Absent: everybody in other clusters may know it. */
  readonly offer?: Offer;
}

/** All that a cluster exports, each Service once, in the order of namespace and name. */
export function exportedServices(
  cluster: ClusterFacts,
  offers: readonly Offer[] = [],
): readonly ExportedService[] {
  const found = new Map<string, ExportedService>();
  const services = new Map(cluster.services.map((service) => [idOf(service), service]));
  for (const by of cluster.exports) {
    const { name, namespace = "default" } = by.metadata;
    found.set(idOf(by), { cluster, name, namespace, service: services.get(idOf(by)), by });
  }
  for (const [id, service] of services) {
    const { name, namespace = "default" } = service.metadata;
    if (found.has(id) || !cluster.exportedNamespaces.includes(namespace) || !canBeExported(service)) continue;
    found.set(id, { cluster, name, namespace, service });
  }
  for (const offer of offers) {
    if (offer.cluster !== cluster.name) continue;
    for (const service of offer.services) {
      const { name, namespace = "default" } = service.metadata;
      if (!found.has(idOf(service))) found.set(idOf(service), { cluster, name, namespace, service, offer });
    }
  }
  return [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, exported]) => exported);
}

/** An alias has no endpoints here, and each cluster has its own API. */
export function canBeExported({ metadata, spec }: Service): boolean {
  return (
    spec.type !== "ExternalName" && !(metadata.namespace === "default" && metadata.name === "kubernetes")
  );
}

function idOf({
  metadata: { namespace = "default", name },
}: {
  metadata: ServiceExport["metadata"];
}): string {
  return `${namespace}/${name}`;
}
