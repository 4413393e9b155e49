import { isJsonObject, type KubeObject, objectKey, type Service } from "../kube/index.ts";
import type { FoundCluster } from "./draft-mesh.ts";

/** A Service of one cluster that another knows by a ServiceEntry written by hand: "messenger.default.global". */
export interface HandMadeExport {
  readonly exporter: string;
  /** "messenger.default" */
  readonly service: string;
  readonly suffix: string;
  readonly importer: string;
  readonly entry: KubeObject;
}

/** ServiceEntries whose endpoint is the gateway of another of the clusters, and whose host is SERVICE.NAMESPACE.SUFFIX. */
export function findExports(clusters: readonly FoundCluster[]): readonly HandMadeExport[] {
  const gateways = new Map(
    clusters.flatMap(({ name, gateways: own }) =>
      own.flatMap(({ service }) => addressesOf(service).map((address) => [address, name] as const)),
    ),
  );
  return clusters.flatMap(({ name: importer, live }) =>
    live.objects.flatMap((entry): HandMadeExport[] => {
      if (entry.kind !== "ServiceEntry" || isDerived(entry)) return [];
      const spec = isJsonObject(entry["spec"]) ? entry["spec"] : {};
      const exporter = list(spec["endpoints"])
        .filter(isJsonObject)
        .map(({ address }) => gateways.get(String(address)))
        .find((cluster) => cluster !== undefined && cluster !== importer);
      const [, service, suffix] = /^([^.*]+\.[^.]+)\.([^.]+)$/.exec(String(list(spec["hosts"])[0])) ?? [];
      if (exporter === undefined || service === undefined || suffix === undefined) return [];
      return [{ exporter, service, suffix, importer, entry }];
    }),
  );
}

/** What the file makes of it, in a sentence. */
export function exportNote({ exporter, service, importer, entry }: HandMadeExport): string {
  return `${importer}: ServiceEntry ${objectKey(entry)} says by hand what the file says by exports of ${exporter}: ${service}`;
}

function addressesOf(service: Service | undefined): readonly string[] {
  return (service?.status?.loadBalancer?.ingress ?? []).flatMap(({ ip, hostname }) => ip ?? hostname ?? []);
}

function isDerived({ metadata: { managedFields = [] } }: KubeObject): boolean {
  return managedFields.some(({ manager }) => manager.startsWith("isthmus-"));
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
