import type { ChartReference, Compiled } from "./compiled.ts";

const pattern = /^\$\{address:([^/}]+)\/([^/}]+)\/([^/}]+)\}$/;

/** The Service whose external address a value waits for. */
export interface AddressReference {
  readonly cluster: string;
  readonly namespace: string;
  readonly service: string;
}

/** The reference that `text` is, or undefined when it is an ordinary text. */
export function addressReference(text: string): AddressReference | undefined {
  const [, cluster, namespace, service] = pattern.exec(text) ?? [];
  if (cluster === undefined || namespace === undefined || service === undefined) return undefined;
  return { cluster, namespace, service };
}

/** A chart with an address in its values that is not known. */
export interface UnknownAddress {
  readonly cluster: string;
  readonly chart: ChartReference;
  /** "CLUSTER/NAMESPACE/SERVICE" */
  readonly service: string;
}

/** What was compiled with the addresses (by "CLUSTER/NAMESPACE/SERVICE") in its charts' values, and what is not known of them. */
export function fillAddresses(
  compiled: Compiled,
  addresses: ReadonlyMap<string, string>,
): { readonly compiled: Compiled; readonly unknown: readonly UnknownAddress[] } {
  const unknown: UnknownAddress[] = [];
  const clusters = [...compiled.clusters].map(([cluster, items]) => {
    const filledItems = items.map((item) => {
      if (item.kind !== "chart") return item;
      const resolve = (text: string, service: string) => {
        const address = addresses.get(service);
        if (address === undefined) unknown.push({ cluster, chart: item.chart, service });
        return address ?? text;
      };
      const values = filled(item.chart.values, resolve) as ChartReference["values"];
      return { ...item, chart: { ...item.chart, values } };
    });
    return [cluster, filledItems] as const;
  });
  return { compiled: { clusters: new Map(clusters) }, unknown };
}

function filled(value: unknown, resolve: (text: string, service: string) => string): unknown {
  if (typeof value === "string") {
    const found = addressReference(value);
    return found === undefined
      ? value
      : resolve(value, `${found.cluster}/${found.namespace}/${found.service}`);
  }
  if (Array.isArray(value)) return value.map((item) => filled(item, resolve));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, filled(item, resolve)]));
}
