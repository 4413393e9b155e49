import { parseProtocol } from "../../kube/index.ts";
import type { Server } from "./config-types.ts";
import type { InboundTarget } from "./inbound-targets.ts";
import { selects } from "./objects.ts";
import { isHttp } from "./protocol.ts";
import type { ProxyNode } from "./proxy-node.ts";
import type { Rules } from "./rules.ts";

/** A server of a Gateway as it stands on one port of a router. */
export interface GatewayServer {
  readonly server: Server;
  /** "namespace/name" of its Gateway. */
  readonly gateway: string;
  /** Hosts with "./" written out. */
  readonly hosts: readonly string[];
  /** Port that the router listens on. */
  readonly port: number;
  /** Port as the Gateway names it. */
  readonly number: number;
  /** Name of its route table; "" when it sees no requests. */
  readonly routeName: string;
}

/** One port of a router with all servers that share it. */
export interface GatewayPort {
  readonly port: number;
  readonly bind: string;
  readonly servers: GatewayServer[];
}

/** All Gateways that select a router, merged by port. */
export interface MergedGateways {
  readonly ports: readonly GatewayPort[];
  readonly serversByRoute: ReadonlyMap<string, readonly GatewayServer[]>;
  readonly passesThrough: boolean;
}

/** What happens to TLS at a server; without a word of it, it passes through. Undefined for servers without TLS. */
export function tlsMode({ tls }: Server): string | undefined {
  return tls === undefined ? undefined : tls.mode || "PASSTHROUGH";
}

/** Whether TLS goes through the gateway unopened. */
export function isPassthrough(server: Server): boolean {
  const mode = tlsMode(server);
  return mode === "PASSTHROUGH" || mode === "AUTO_PASSTHROUGH";
}

/** Whether the gateway ends TLS here. HTTP servers have a `tls` only to send clients to HTTPS. */
export function endsTls(server: Server): boolean {
  return server.tls !== undefined && !isPlainHttp(server) && !isPassthrough(server);
}

/** Whether requests come in the clear. */
export function isPlainHttp(server: Server): boolean {
  return isHttp(parseProtocol(server.port?.protocol));
}

/** Whether requests are seen in the end. */
export function seesRequests(server: Server): boolean {
  return isPlainHttp(server) || (parseProtocol(server.port?.protocol) === "https" && endsTls(server));
}

/** Merges the Gateways of a router. What contradicts an earlier server is left out, and reported. */
export function mergeGateways(
  rules: Rules,
  proxy: ProxyNode,
  targets: readonly InboundTarget[],
  report: (problem: string) => void,
): MergedGateways {
  const ports = new Map<string, GatewayPort>();
  const serversByRoute = new Map<string, GatewayServer[]>();
  const knownHosts = new Map<string, Set<string>>();
  let passesThrough = false;
  for (const gateway of rules.gateways) {
    const selector = gateway.spec.selector ?? {};
    if (Object.keys(selector).length > 0 && !selects(selector, proxy.labels)) continue;
    const namespace = gateway.metadata.namespace ?? "";
    const name = `${namespace}/${gateway.metadata.name}`;
    for (const server of gateway.spec.servers ?? []) {
      if (server.port === undefined) continue;
      const placed = placeServer(server, name, namespace, targets);
      const problem = addServer(placed, ports, serversByRoute, knownHosts, proxy);
      if (problem !== undefined) report(`gateway ${name}: ${problem}`);
      else if (tlsMode(server) === "AUTO_PASSTHROUGH") passesThrough = true;
    }
  }
  return { ports: [...ports.values()], serversByRoute, passesThrough };
}

function placeServer(
  server: Server,
  gateway: string,
  namespace: string,
  targets: readonly InboundTarget[],
): GatewayServer {
  const number = server.port?.number ?? 0;
  // The router listens where its own Service leads to, so that an unprivileged one may serve port 80.
  const port = targets.find((target) => target.port.port === number)?.targetPort ?? number;
  const hosts = (server.hosts ?? []).map((host) =>
    host.startsWith("./") ? `${namespace}/${host.slice(2)}` : host.startsWith("*/") ? host.slice(2) : host,
  );
  const placed = { server, gateway, hosts, port, number, routeName: "" };
  if (!seesRequests(server)) return placed;
  const bind = server.bind === undefined || server.bind === "" ? "" : `.${server.bind}`;
  const [ownNamespace, ownName] = gateway.split("/");
  const routeName = isPlainHttp(server)
    ? `http.${port}${bind}`
    : `https.${number}.${server.port?.name ?? ""}.${ownName}.${ownNamespace}${bind}`;
  return { ...placed, routeName };
}

/** Adds a server to those of its port; the reason why not when it contradicts an earlier one. */
function addServer(
  placed: GatewayServer,
  ports: Map<string, GatewayPort>,
  serversByRoute: Map<string, GatewayServer[]>,
  knownHosts: Map<string, Set<string>>,
  proxy: ProxyNode,
): string | undefined {
  const { server, port, routeName } = placed;
  if (proxy.unprivileged && port < 1024) return `port ${port} needs privileges that the proxy does not have`;
  const bind = server.bind ?? "";
  const key = `${bind}_${port}`;
  if (server.tls !== undefined) {
    const known = knownHosts.get(key) ?? new Set<string>();
    knownHosts.set(key, known);
    const repeated = placed.hosts.find((host) => known.has(host));
    if (repeated !== undefined) return `host ${repeated} is served on port ${port} already`;
    for (const host of placed.hosts) known.add(host);
  }
  const existing = ports.get(key);
  // What comes in the clear can be told from TLS by its first bytes, but not from anything else in the clear.
  const plain = existing?.servers.find(({ server: other }) => isPlainHttp(other) || other.tls === undefined);
  if (plain !== undefined) {
    if (isPlainHttp(plain.server) !== isPlainHttp(server))
      return `port ${port} is used with another protocol already`;
    if (!isPlainHttp(server)) return `port ${port} is used already`;
  }
  if (existing === undefined) ports.set(key, { port, bind, servers: [placed] });
  else existing.servers.push(placed);
  if (routeName !== "") {
    const same = serversByRoute.get(routeName);
    if (same === undefined) serversByRoute.set(routeName, [placed]);
    else same.push(placed);
  }
  return undefined;
}
