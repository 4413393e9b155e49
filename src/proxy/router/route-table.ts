import type { Any } from "@bufbuild/protobuf/wkt";
import {
  VirtualHost_TlsRequirementType as TlsRequirement,
  type VirtualHost as VirtualHostMessage,
} from "../../xds/gen/envoy/config/route/v3/route_components_pb.js";
import type { RouteConfiguration } from "../../xds/gen/envoy/config/route/v3/route_pb.js";
import { ConfigError } from "../config/config-error.ts";
import { compilePerFilter, type PerFilter } from "../filters/per-filter.ts";
import type { RequestHead } from "../http/codec.ts";
import { header } from "../http/headers.ts";
import { compileHeaderMutation, type HeaderMutation } from "./header-mutation.ts";
import { compileRoute, type Route } from "./route.ts";

/** A compiled RouteConfiguration. */
export interface RouteTable {
  readonly name: string;
  /** The virtual host and the first route that fit; undefined when none does. */
  find(head: RequestHead): Route | undefined;
  readonly request: HeaderMutation | undefined;
  readonly response: HeaderMutation | undefined;
  readonly clusters: ReadonlySet<string>;
}

/** What routes inherit from their virtual host. */
export interface VirtualHost {
  readonly name: string;
  readonly attemptCount: boolean;
  readonly attemptCountInResponse: boolean;
  readonly request: HeaderMutation | undefined;
  readonly response: HeaderMutation | undefined;
  readonly perFilter: PerFilter;
}

interface HostEntry {
  readonly host: VirtualHost;
  /** What plain text is answered with where the host wants TLS. */
  readonly toTls: Route | undefined;
  readonly routes: readonly Route[];
}

/** Compiles and checks a RouteConfiguration. Throws ConfigError. */
export function compileRouteTable(message: RouteConfiguration): RouteTable {
  const exact = new Map<string, HostEntry>();
  const suffixes: { readonly text: string; readonly entry: HostEntry }[] = [];
  const prefixes: { readonly text: string; readonly entry: HostEntry }[] = [];
  let any: HostEntry | undefined;
  const clusters = new Set<string>();
  const known = new Set<string>();
  const hosts: readonly VirtualHostMessage[] = message.virtualHosts;
  for (const virtualHost of hosts) {
    const entry = compileHost(virtualHost, clusters);
    for (const raw of virtualHost.domains) {
      const domain = raw.toLowerCase();
      if (known.has(domain)) {
        throw new ConfigError(
          `Only unique values for domains are permitted. Duplicate entry of domain ${raw}`,
        );
      }
      known.add(domain);
      if (domain === "*") any = entry;
      else if (domain.startsWith("*")) suffixes.push({ text: domain.slice(1), entry });
      else if (domain.endsWith("*")) prefixes.push({ text: domain.slice(0, -1), entry });
      else exact.set(domain, entry);
    }
  }
  suffixes.sort((a, b) => b.text.length - a.text.length);
  prefixes.sort((a, b) => b.text.length - a.text.length);
  const ignorePort = message.ignorePortInHostMatching;

  function entryFor(authority: string): HostEntry | undefined {
    const direct = exact.get(authority);
    if (direct !== undefined) return direct;
    let host = authority.toLowerCase();
    if (ignorePort) host = withoutPort(host);
    const found = exact.get(host);
    if (found !== undefined) return found;
    for (const { text, entry } of suffixes) {
      if (host.length > text.length && host.endsWith(text)) return entry;
    }
    for (const { text, entry } of prefixes) {
      if (host.length > text.length && host.startsWith(text)) return entry;
    }
    return any;
  }

  return {
    name: message.name,
    clusters,
    request: compileHeaderMutation(message.requestHeadersToAdd, message.requestHeadersToRemove, message.name),
    response: compileHeaderMutation(
      message.responseHeadersToAdd,
      message.responseHeadersToRemove,
      message.name,
    ),
    find(head) {
      // No route here is one for tunnels.
      if (head.method === "CONNECT") return undefined;
      const entry = entryFor(head.authority);
      if (entry === undefined) return undefined;
      if (entry.toTls?.matches(head)) return entry.toTls;
      for (const route of entry.routes) if (route.matches(head)) return route;
      return undefined;
    },
  };
}

function compileHost(message: VirtualHostMessage, clusters: Set<string>): HostEntry {
  const where = `virtual host ${message.name}`;
  if (message.domains.length === 0) throw new ConfigError(`${where} has no domains`);
  const host: VirtualHost = {
    name: message.name,
    attemptCount: message.includeRequestAttemptCount,
    attemptCountInResponse: message.includeAttemptCountInResponse,
    request: compileHeaderMutation(message.requestHeadersToAdd, message.requestHeadersToRemove, where),
    response: compileHeaderMutation(message.responseHeadersToAdd, message.responseHeadersToRemove, where),
    perFilter: compilePerFilter(message.typedPerFilterConfig as Record<string, Any>, where),
  };
  return {
    host,
    toTls: tlsRedirect(message.requireTls, host),
    routes: message.routes.map((route) => compileRoute(route, host, message.retryPolicy, clusters, where)),
  };
}

/** Leads clients of plain text to the same place over TLS, those from outside alone when it says so. */
function tlsRedirect(requirement: TlsRequirement, host: VirtualHost): Route | undefined {
  if (requirement === TlsRequirement.NONE) return undefined;
  const isSpared = (head: RequestHead) =>
    requirement === TlsRequirement.EXTERNAL_ONLY && header(head.headers, "x-envoy-internal") === "true";
  return {
    name: "",
    host,
    matches: (head) => head.scheme !== "https" && !isSpared(head),
    action: { kind: "redirect", status: 301, location: (head) => `https://${head.authority}${head.path}` },
    request: undefined,
    response: undefined,
    perFilter: new Map(),
    operation: undefined,
  };
}

/** The host without ":port". */
export function withoutPort(host: string): string {
  const colon = host.lastIndexOf(":");
  if (colon < 0 || host.endsWith("]")) return host;
  return host.slice(0, colon);
}
