import { type Protocol, parseProtocol } from "../../kube/index.ts";
import type { Sidecar } from "./config-types.ts";
import { hostsOverlap, isSubsetOf } from "./names.ts";
import type { MeshService } from "./services.ts";
import type { ResolvedVirtualService } from "./virtual-services.ts";

/** What clients behind one egress listener may call: all ports when `port` is missing. */
export interface EgressListener {
  readonly port?: { readonly number: number; readonly protocol: Protocol; readonly name: string };
  readonly bind?: string;
  /** Whether it is opened on its port although connections are intercepted. */
  readonly isBound?: boolean;
  readonly services: readonly MeshService[];
  readonly virtualServices: readonly ResolvedVirtualService[];
  /** Services that its VirtualServices lead to. They have clusters, and nothing else unless they are imported too. */
  readonly reached: readonly MeshService[];
}

/** Hosts as "namespace/name" that a listener imports, and those of them that it leaves out. */
interface Imports {
  readonly wanted: readonly Import[];
  readonly excluded: readonly Import[];
}

interface Import {
  /** "*": any. */
  readonly namespace: string;
  readonly host: string;
}

/** The egress listeners of a Sidecar for proxies of a namespace, over what is visible there. */
export function sidecarEgress(
  sidecar: Sidecar,
  namespace: string,
  visible: readonly MeshService[],
  virtual: readonly ResolvedVirtualService[],
): EgressListener[] {
  const byHost = new Map(visible.map((service) => [service.host, service]));
  return (sidecar.spec.egress ?? []).map(({ port, bind, captureMode, hosts = [] }) => {
    const imports = readImports(hosts, namespace);
    const protocol = parseProtocol(port?.protocol);
    // A proxy for any HTTP is asked for hosts of every port.
    const only = port === undefined || protocol === "http-proxy" ? undefined : port.number;
    const services = visible.flatMap((service) =>
      isImported(imports, service.namespace, service.host)
        ? only === undefined
          ? [service]
          : withPorts(service, new Set([only]))
        : [],
    );
    const virtualServices = virtual.filter((rule) =>
      rule.hosts.some((host) => overlaps(imports, rule.namespace, host)),
    );
    return {
      ...(port === undefined ? {} : { port: { number: port.number, protocol, name: port.name ?? "" } }),
      ...(bind === undefined || bind === "" ? {} : { bind }),
      ...(captureMode === "NONE" ? { isBound: true } : {}),
      services,
      virtualServices,
      reached: virtualServices.flatMap((rule) =>
        [...destinationsOf(rule, namespace)].flatMap(([host, ports]) => {
          const service = byHost.get(host);
          if (service === undefined) return [];
          if (only !== undefined) return withPorts(service, new Set([only]));
          return ports.has(0) ? [service] : withPorts(service, ports);
        }),
      ),
    };
  });
}

function readImports(hosts: readonly string[], namespace: string): Imports {
  const wanted: Import[] = [];
  const excluded: Import[] = [];
  for (const written of hosts) {
    const slash = written.indexOf("/");
    if (slash < 0) continue;
    const of = written.slice(0, slash);
    const bare = of.startsWith("~") ? of.slice(1) || "*" : of;
    const item = { namespace: bare === "." ? namespace : bare, host: written.slice(slash + 1) };
    (of.startsWith("~") ? excluded : wanted).push(item);
  }
  return { wanted, excluded };
}

const means = (item: Import, owner: string) => item.namespace === "*" || item.namespace === owner;

function isImported({ wanted, excluded }: Imports, owner: string, host: string): boolean {
  const covers = (item: Import) => means(item, owner) && (item.host === "*" || isSubsetOf(host, item.host));
  return wanted.some(covers) && !excluded.some(covers);
}

function overlaps({ wanted }: Imports, owner: string, host: string): boolean {
  return wanted.some((item) => means(item, owner) && (item.host === "*" || hostsOverlap(host, item.host)));
}

/** The service with only these of its ports; nothing when it has none of them. */
function withPorts(service: MeshService, wanted: ReadonlySet<number>): MeshService[] {
  const ports = service.ports.filter(({ port }) => wanted.has(port));
  if (ports.length === 0) return [];
  return [ports.length === service.ports.length ? service : { ...service, ports }];
}

/** Hosts that a VirtualService leads clients of a namespace to, and on which ports; 0 stands for any. */
function destinationsOf(rule: ResolvedVirtualService, namespace: string): Map<string, Set<number>> {
  const found = new Map<string, Set<number>>();
  const add = (
    destination: { readonly host: string; readonly port?: { readonly number?: number } } | undefined,
  ) => {
    if (destination === undefined) return;
    const ports = found.get(destination.host) ?? new Set<number>();
    found.set(destination.host, ports.add(destination.port?.number ?? 0));
  };
  const isForUs = (matches: readonly { readonly sourceNamespace?: string }[] | undefined) =>
    (matches ?? []).length === 0 ||
    matches?.some(({ sourceNamespace = "" }) => sourceNamespace === "" || sourceNamespace === namespace) ===
      true;
  for (const route of rule.http) {
    if (!isForUs(route.match)) continue;
    for (const { destination } of route.route ?? []) add(destination);
    add(route.mirror);
    for (const { destination } of route.mirrors ?? []) add(destination);
  }
  for (const route of [...rule.tls, ...rule.tcp]) {
    if (!isForUs(route.match)) continue;
    for (const { destination } of route.route ?? []) add(destination);
  }
  return found;
}
