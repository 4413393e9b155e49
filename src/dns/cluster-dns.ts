import type { Clock } from "../base/index.ts";
import type { Endpoint, EndpointSlice, Service } from "../kube/index.ts";
import { createHostResolver, type HostResolver } from "./host-resolver.ts";
import { type DnsQuestion, type DnsRecord, recordTypes } from "./message.ts";

export type { DnsRecord } from "./message.ts";

/** What cluster DNS reads. Every call sees the present state. */
export interface ClusterDnsOptions {
  service(name: string, namespace: string): Service | undefined;
  services(): Iterable<Service>;
  endpointSlices(service: string, namespace: string): Iterable<EndpointSlice>;
  readonly clock: Clock;
  /** Default "cluster.local". */
  readonly clusterDomain?: string;
  /** For names outside the cluster; default: the machine's resolver. */
  readonly hostResolver?: HostResolver;
}

/** Records for a question; `exists` false means NXDOMAIN. */
export interface DnsAnswer {
  readonly exists: boolean;
  readonly records: readonly DnsRecord[];
}

/** Names as the pods of one cluster see them (the Kubernetes DNS specification, 1.1.0). */
export interface ClusterDns {
  /** IPv4 addresses of `name` for a pod of `namespace`, search path included; empty when there are none. */
  resolve(name: string, namespace: string): Promise<readonly string[]>;
  /** Answers a question as a server does. With a namespace the search path is followed as well. */
  answer(question: DnsQuestion, namespace?: string): Promise<DnsAnswer>;
}

/** Names with fewer dots are tried along the search path first (ndots of a pod's resolv.conf). */
const ndots = 5;
/** ExternalName may lead to another one. */
const mostAliases = 8;
const none: DnsAnswer = { exists: false, records: [] };

/** Creates the DNS of one cluster. It keeps nothing of the cluster's own, only answers from outside, briefly. */
export function createClusterDns(options: ClusterDnsOptions): ClusterDns {
  const domain = options.clusterDomain ?? "cluster.local";
  const askHost = options.hostResolver ?? createHostResolver(options.clock);

  /** Answers for an absolute name. */
  const absolute = async (name: string, type: number, depth = 0): Promise<DnsAnswer> => {
    if (name.length > 253) return none;
    if (name.endsWith(".in-addr.arpa")) return reverse(name);
    if (name !== domain && !name.endsWith(`.${domain}`)) return outside(name, type);
    const labels = name.slice(0, -domain.length - 1).split(".");
    const kind = labels.pop();
    const namespace = labels.pop();
    if (namespace === undefined) return { ...none, exists: kind === "" || kind === "svc" || kind === "pod" };
    if (kind === "pod") return podRecord(name, labels);
    if (kind !== "svc") return none;
    return serviceRecords(name, labels, namespace, type, depth);
  };

  const outside = async (name: string, type: number): Promise<DnsAnswer> => {
    // A single label is nobody's name on the internet; neither are cluster suffixes cut short.
    if (!name.includes(".") || name.endsWith(".svc") || name.endsWith(".local")) return none;
    const addresses = await askHost(name);
    const records = addresses.map((address) => ({ name, type: "A" as const, address }));
    return { exists: records.length > 0, records: wants(type, "A") ? records : [] };
  };

  const serviceRecords = async (
    name: string,
    labels: readonly string[],
    namespace: string,
    type: number,
    depth: number,
  ): Promise<DnsAnswer> => {
    const service = options.service(labels.at(-1) ?? "", namespace);
    if (service === undefined) {
      const hasNamespace =
        labels.length === 0 && [...options.services()].some((one) => one.metadata.namespace === namespace);
      return { exists: hasNamespace, records: [] };
    }
    const prefix = labels.slice(0, -1);
    if (service.spec.type === "ExternalName") {
      const target = (service.spec.externalName ?? "").toLowerCase().replace(/\.$/, "");
      if (prefix.length > 0 || target === "" || depth >= mostAliases) return none;
      const { records } = await absolute(target, type, depth + 1);
      return { exists: true, records: [{ name, type: "CNAME", target }, ...records] };
    }
    if (prefix[0]?.startsWith("_") === true) return portRecords(name, prefix, service, namespace);
    if (prefix.length > 1) return none;
    const [hostname] = prefix;
    const isHeadless = service.spec.clusterIP === "None";
    if (!isHeadless && hostname !== undefined) return none;
    const addresses = isHeadless
      ? endpointsOf(service, namespace)
          .filter((endpoint) => hostname === undefined || endpoint.hostname === hostname)
          .flatMap(({ addresses: own }) => own)
      : [service.spec.clusterIP ?? ""].filter((address) => address !== "");
    if (hostname !== undefined && addresses.length === 0) return none;
    const records = shuffled([...new Set(addresses)]).map((address) => ({
      name,
      type: "A" as const,
      address,
    }));
    return { exists: true, records: wants(type, "A") ? records : [] };
  };

  /** _http._tcp.web.ns.svc.cluster.local: where a named port is found. */
  const portRecords = (
    name: string,
    prefix: readonly string[],
    service: Service,
    namespace: string,
  ): DnsAnswer => {
    const [portName, protocol] = prefix.map((label) => label.replace(/^_/, ""));
    if (prefix.length !== 2 || portName === undefined || protocol === undefined) return none;
    const base = `${service.metadata.name}.${namespace}.svc.${domain}`;
    const isPort = (port: { readonly name?: string; readonly protocol?: string }) =>
      port.name === portName && (port.protocol ?? "TCP").toLowerCase() === protocol;
    const records: DnsRecord[] = [];
    if (service.spec.clusterIP !== "None") {
      for (const { port } of (service.spec.ports ?? []).filter(isPort)) {
        records.push({ name, type: "SRV", port, target: base });
      }
    } else {
      for (const slice of options.endpointSlices(service.metadata.name, namespace)) {
        const port = (slice.ports ?? []).find(isPort)?.port;
        for (const endpoint of port === undefined ? [] : usable(slice, service)) {
          const target = `${endpoint.hostname ?? (endpoint.addresses[0] ?? "").replaceAll(".", "-")}.${base}`;
          records.push({ name, type: "SRV", port: port ?? 0, target });
        }
      }
    }
    return { exists: records.length > 0, records };
  };

  const endpointsOf = (service: Service, namespace: string): Endpoint[] =>
    [...options.endpointSlices(service.metadata.name, namespace)].flatMap((slice) => usable(slice, service));

  const reverse = (name: string): DnsAnswer => {
    const address = name.slice(0, -".in-addr.arpa".length).split(".").reverse().join(".");
    for (const service of options.services()) {
      const { name: own, namespace = "" } = service.metadata;
      const base = `${own}.${namespace}.svc.${domain}`;
      if (service.spec.clusterIP === address)
        return { exists: true, records: [{ name, type: "PTR", target: base }] };
      if (service.spec.clusterIP !== "None") continue;
      for (const { addresses, hostname } of endpointsOf(service, namespace)) {
        if (!addresses.includes(address)) continue;
        const target = `${hostname ?? address.replaceAll(".", "-")}.${base}`;
        return { exists: true, records: [{ name, type: "PTR", target }] };
      }
    }
    return none;
  };

  const answer = async (question: DnsQuestion, namespace?: string): Promise<DnsAnswer> => {
    const candidates =
      namespace === undefined ? [question.name] : searchPath(question.name, namespace, domain);
    let exists = false;
    for (const candidate of candidates) {
      const found = await absolute(candidate, question.type);
      if (found.records.length > 0) return { exists: true, records: found.records };
      exists ||= found.exists && candidate === question.name;
    }
    return { exists, records: [] };
  };

  return {
    answer,
    async resolve(name, namespace) {
      const { records } = await answer({ name: name.toLowerCase(), type: recordTypes.A }, namespace);
      return records.flatMap((record) => (record.type === "A" ? [record.address] : []));
    },
  };
}

/** The absolute names that a resolver in a pod of `namespace` tries for `name`, in order. */
export function searchPath(name: string, namespace: string, domain: string): string[] {
  if (name.endsWith(".")) return [name.slice(0, -1)];
  const searched = [`${namespace}.svc.${domain}`, `svc.${domain}`, domain].map(
    (suffix) => `${name}.${suffix}`,
  );
  const dots = name.split(".").length - 1;
  // A name that has the domain already finds nothing along the path.
  if (name.endsWith(`.${domain}`)) return [name];
  return dots >= ndots ? [name, ...searched] : [...searched, name];
}

/** 10-0-0-7.ns.pod.cluster.local is 10.0.0.7, whoever has it. */
function podRecord(name: string, labels: readonly string[]): DnsAnswer {
  const address = labels.length === 1 ? (labels[0] ?? "").replaceAll("-", ".") : "";
  const parts = address.split(".");
  const isAddress = parts.length === 4 && parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) < 256);
  return isAddress ? { exists: true, records: [{ name, type: "A", address }] } : none;
}

/** Endpoints that have a name: ready ones, or all when the Service says so. */
function usable(slice: EndpointSlice, service: Service): readonly Endpoint[] {
  if (slice.addressType !== "IPv4") return [];
  const all = slice.endpoints ?? [];
  if (service.spec.publishNotReadyAddresses === true) return all;
  return all.filter(({ conditions }) => conditions?.ready !== false);
}

function wants(type: number, record: "A"): boolean {
  return type === recordTypes[record] || type === recordTypes.ANY;
}

/** In an order of its own each time, so that clients that take the first spread over all. */
export function shuffled<T>(items: T[]): T[] {
  for (let i = items.length - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1));
    [items[i], items[j]] = [items[j] as T, items[i] as T];
  }
  return items;
}
