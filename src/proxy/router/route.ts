import type { Any } from "@bufbuild/protobuf/wkt";
import { RoutingPriority } from "../../xds/gen/envoy/config/core/v3/base_pb.js";
import {
  type RedirectAction,
  RedirectAction_RedirectResponseCode as RedirectCode,
  type RetryPolicy as RetryMessage,
  type RouteAction,
  type RouteAction_HashPolicy,
  type RouteMatch,
  type Route as RouteMessage,
} from "../../xds/gen/envoy/config/route/v3/route_components_pb.js";
import { combineHashes, xxHash64 } from "../cluster/hash.ts";
import { hostKey } from "../cluster/host.ts";
import { ConfigError } from "../config/config-error.ts";
import { toRegExp } from "../config/string-match.ts";
import { milliseconds } from "../config/wire.ts";
import { fractionTest } from "../filters/fraction.ts";
import { compilePerFilter, type PerFilter } from "../filters/per-filter.ts";
import type { Downstream, RequestHead } from "../http/codec.ts";
import { cookieValue, header } from "../http/headers.ts";
import { queryValue, withoutQuery } from "../http/path.ts";
import { requestHeader } from "./header-match.ts";
import { compileHeaderMutation, type HeaderMutation } from "./header-mutation.ts";
import { compileRetryPolicy, type RetryPolicy } from "./retry-policy.ts";
import { compileRouteMatch } from "./route-match.ts";
import type { VirtualHost } from "./route-table.ts";

/** One compiled route. */
export interface Route {
  readonly name: string;
  readonly host: VirtualHost;
  matches(head: RequestHead): boolean;
  readonly action: Action;
  readonly request: HeaderMutation | undefined;
  readonly response: HeaderMutation | undefined;
  readonly perFilter: PerFilter;
  /** What traces call the operation, when other proxies are to be told. */
  readonly operation: string | undefined;
}

export type Action =
  | ForwardAction
  | {
      readonly kind: "redirect";
      location(head: RequestHead, scheme: string): string;
      readonly status: number;
    }
  | { readonly kind: "direct"; readonly status: number; readonly body: Buffer };

export interface ForwardAction {
  readonly kind: "forward";
  /** Chooses the cluster; undefined when a cluster header is missing. */
  target(head: RequestHead): Target | undefined;
  /** Rewrites path and host in place. */
  rewrite(head: RequestHead): void;
  /** "auto": the upstream host's name. */
  readonly autoHostRewrite: boolean;
  readonly hostLiteral: string | undefined;
  /** The path is rewritten, perhaps to what it was. */
  readonly rewritesPath: boolean;
  /** Milliseconds; 0: none. */
  readonly timeout: number;
  /** Most that a grpc-timeout header may ask for, 0 without bound; undefined: the header is not looked at. */
  readonly grpcTimeoutMax: number | undefined;
  readonly idleTimeout: number | undefined;
  readonly maxStreamDuration: number | undefined;
  readonly retry: RetryPolicy | undefined;
  readonly mirrors: readonly Mirror[];
  hash(
    head: RequestHead,
    downstream: Downstream,
  ): { readonly hash: bigint | undefined; readonly cookie?: string };
  readonly priority: "default" | "high";
}

export interface Target {
  readonly cluster: string;
  readonly request: HeaderMutation | undefined;
  readonly response: HeaderMutation | undefined;
  readonly perFilter: PerFilter | undefined;
  readonly hostLiteral: string | undefined;
}

export interface Mirror {
  readonly cluster: string;
  /** Whether copies have the host of the request itself. */
  readonly keepsHost: boolean;
  applies(): boolean;
}

/** Compiles one route; names of the clusters it uses go into `clusters`. Throws ConfigError. */
export function compileRoute(
  message: RouteMessage,
  host: VirtualHost,
  hostRetry: RetryMessage | undefined,
  clusters: Set<string>,
  parent: string,
): Route {
  const where = `${parent}, route ${message.name || "without a name"}`;
  return {
    name: message.name,
    host,
    matches: compileRouteMatch(message.match, where),
    action: compileAction(message, hostRetry, clusters, where),
    request: compileHeaderMutation(message.requestHeadersToAdd, message.requestHeadersToRemove, where),
    response: compileHeaderMutation(message.responseHeadersToAdd, message.responseHeadersToRemove, where),
    perFilter: compilePerFilter(message.typedPerFilterConfig as Record<string, Any>, where),
    operation: message.decorator?.propagate === false ? undefined : message.decorator?.operation || undefined,
  };
}

function compileAction(
  message: RouteMessage,
  hostRetry: RetryMessage | undefined,
  clusters: Set<string>,
  where: string,
): Action {
  const { action } = message;
  switch (action.case) {
    case "route":
      return compileForward(action.value, message.match, hostRetry, clusters, where);
    case "redirect":
      return compileRedirect(action.value, message.match, where);
    case "directResponse": {
      const source = action.value.body?.specifier;
      if (source !== undefined && source.case !== "inlineString" && source.case !== "inlineBytes") {
        throw new ConfigError(`${where}: the body of a direct response must be inline`);
      }
      return { kind: "direct", status: action.value.status, body: Buffer.from(source?.value ?? "") };
    }
    default:
      throw new ConfigError(`${where}: unsupported action ${action.case ?? "none"}`);
  }
}

function compileForward(
  action: RouteAction,
  match: RouteMatch | undefined,
  hostRetry: RetryMessage | undefined,
  clusters: Set<string>,
  where: string,
): ForwardAction {
  const mirrors = action.requestMirrorPolicies.map((policy) => {
    clusters.add(policy.cluster);
    const fraction = policy.runtimeFraction?.defaultValue;
    return {
      cluster: policy.cluster,
      applies: fraction === undefined ? () => true : fractionTest(fraction),
      keepsHost: policy.disableShadowHostSuffixAppend,
    };
  });
  const rewritesHost = action.hostRewriteSpecifier;
  return {
    kind: "forward",
    target: compileTarget(action, clusters, where),
    rewrite: compileRewrite(action, match, where),
    autoHostRewrite: rewritesHost.case === "autoHostRewrite" && rewritesHost.value.value,
    hostLiteral: rewritesHost.case === "hostRewriteLiteral" ? rewritesHost.value : undefined,
    rewritesPath: action.regexRewrite !== undefined || action.prefixRewrite !== "",
    timeout: milliseconds(action.timeout) ?? 15_000,
    grpcTimeoutMax:
      milliseconds(action.maxStreamDuration?.grpcTimeoutHeaderMax) ?? milliseconds(action.maxGrpcTimeout),
    idleTimeout: milliseconds(action.idleTimeout),
    maxStreamDuration: milliseconds(action.maxStreamDuration?.maxStreamDuration),
    retry: compileRetryPolicy(action.retryPolicy ?? hostRetry, where),
    mirrors,
    hash: compileHash(action.hashPolicy, where),
    priority: action.priority === RoutingPriority.HIGH ? "high" : "default",
  };
}

function compileTarget(action: RouteAction, clusters: Set<string>, where: string): ForwardAction["target"] {
  const plain = { request: undefined, response: undefined, perFilter: undefined, hostLiteral: undefined };
  const specifier = action.clusterSpecifier;
  switch (specifier.case) {
    case "cluster": {
      clusters.add(specifier.value);
      const target: Target = { cluster: specifier.value, ...plain };
      return () => target;
    }
    case "clusterHeader": {
      const name = specifier.value.toLowerCase();
      return (head) => {
        const cluster = requestHeader(head, name);
        return cluster === undefined ? undefined : { cluster, ...plain };
      };
    }
    case "weightedClusters": {
      let total = 0;
      const choices = specifier.value.clusters.map((entry) => {
        clusters.add(entry.name);
        total += entry.weight ?? 0;
        const mutations = `${where}, cluster ${entry.name}`;
        const target: Target = {
          cluster: entry.name,
          request: compileHeaderMutation(entry.requestHeadersToAdd, entry.requestHeadersToRemove, mutations),
          response: compileHeaderMutation(
            entry.responseHeadersToAdd,
            entry.responseHeadersToRemove,
            mutations,
          ),
          perFilter: compilePerFilter(entry.typedPerFilterConfig as Record<string, Any>, mutations),
          hostLiteral:
            entry.hostRewriteSpecifier.case === "hostRewriteLiteral"
              ? entry.hostRewriteSpecifier.value
              : undefined,
        };
        return { target, upTo: total };
      });
      if (total === 0)
        throw new ConfigError(`${where}: Sum of weights in the weighted_cluster must be greater than 0.`);
      return () => {
        const ticket = Math.random() * total;
        return choices.find(({ upTo }) => ticket < upTo)?.target;
      };
    }
    default:
      throw new ConfigError(`${where}: unsupported cluster specifier ${specifier.case ?? "none"}`);
  }
}

function compileRewrite(
  action: RouteAction,
  match: RouteMatch | undefined,
  where: string,
): ForwardAction["rewrite"] {
  const { regexRewrite } = action;
  if (regexRewrite !== undefined) {
    const pattern = toRegExp(regexRewrite.pattern?.regex ?? "", where, false, "g");
    // RE2 writes \1 where JavaScript writes $1.
    const substitution = regexRewrite.substitution.replaceAll("$", "$$$$").replace(/\\([0-9])/g, "$$$1");
    return (head) => {
      const path = withoutQuery(head.path);
      head.path = path.replace(pattern, substitution) + head.path.slice(path.length);
    };
  }
  const prefix = action.prefixRewrite;
  if (prefix === "") return () => {};
  return (head) => {
    const length = matchedLength(match, head);
    head.path = prefix + head.path.slice(length);
  };
}

/** How much of the path the route's match covered: that is what prefix_rewrite replaces. */
function matchedLength(match: RouteMatch | undefined, head: RequestHead): number {
  const specifier = match?.pathSpecifier;
  switch (specifier?.case) {
    case "prefix":
    case "pathSeparatedPrefix":
      return specifier.value.length;
    default:
      return withoutQuery(head.path).length;
  }
}

function compileRedirect(action: RedirectAction, match: RouteMatch | undefined, where: string): Action {
  const statuses: Readonly<Record<number, number>> = {
    [RedirectCode.MOVED_PERMANENTLY]: 301,
    [RedirectCode.FOUND]: 302,
    [RedirectCode.SEE_OTHER]: 303,
    [RedirectCode.TEMPORARY_REDIRECT]: 307,
    [RedirectCode.PERMANENT_REDIRECT]: 308,
  };
  const schemes = action.schemeRewriteSpecifier;
  const paths = action.pathRewriteSpecifier;
  const regex =
    paths.case === "regexRewrite" ? toRegExp(paths.value.pattern?.regex ?? "", where, false, "g") : undefined;
  return {
    kind: "redirect",
    status: statuses[action.responseCode] ?? 301,
    location(head, current) {
      let scheme = current;
      if (schemes.case === "httpsRedirect" && schemes.value) scheme = "https";
      if (schemes.case === "schemeRedirect") scheme = schemes.value;
      let host = action.hostRedirect || head.authority;
      const port = action.portRedirect;
      if (port !== 0) host = `${host.replace(/:[0-9]+$/, "")}:${port}`;
      else if (scheme !== current) host = host.replace(/:(80|443)$/, "");
      let path = head.path;
      if (paths.case === "pathRedirect" && paths.value !== "") {
        // A query of its own takes the place of the request's, and stays.
        if (paths.value.includes("?")) return `${scheme}://${host}${paths.value}`;
        path = paths.value + head.path.slice(withoutQuery(head.path).length);
      } else if (paths.case === "prefixRewrite")
        path = paths.value + head.path.slice(matchedLength(match, head));
      else if (paths.case === "regexRewrite" && regex !== undefined) {
        const bare = withoutQuery(head.path);
        path =
          bare.replace(regex, paths.value.substitution.replace(/\\([0-9])/g, "$$$1")) +
          head.path.slice(bare.length);
      }
      if (action.stripQuery) path = withoutQuery(path);
      return `${scheme}://${host}${path}`;
    },
  };
}

function compileHash(policies: readonly RouteAction_HashPolicy[], where: string): ForwardAction["hash"] {
  if (policies.length === 0) return () => ({ hash: undefined });
  const sources = policies.map((policy) => ({ from: hashSource(policy, where), terminal: policy.terminal }));
  return (head, downstream) => {
    let hash: bigint | undefined;
    let cookie: string | undefined;
    for (const { from, terminal } of sources) {
      const found = from(head, downstream);
      if (found === undefined) continue;
      if (found.cookie !== undefined) cookie = found.cookie;
      hash = combineHashes(hash, found.hash);
      if (terminal) break;
    }
    return cookie === undefined ? { hash } : { hash, cookie };
  };
}

type HashSource = (
  head: RequestHead,
  downstream: Downstream,
) => { readonly hash: bigint; readonly cookie?: string } | undefined;

function hashSource(policy: RouteAction_HashPolicy, where: string): HashSource {
  const specifier = policy.policySpecifier;
  const some = (text: string | undefined) => (text === undefined ? undefined : { hash: xxHash64(text) });
  switch (specifier.case) {
    case "header": {
      const name = specifier.value.headerName.toLowerCase();
      return (head) => headerHash(head, name);
    }
    case "cookie": {
      const { name, path } = specifier.value;
      const ttl = milliseconds(specifier.value.ttl);
      return (head, downstream) => {
        const present = cookieValue(header(head.headers, "cookie") ?? "", name);
        if (present !== undefined || ttl === undefined) return some(present);
        // Requests of one connection that race for their first cookie get the same.
        const { remoteAddress, remotePort, localAddress, localPort } = downstream;
        const ends = hostKey(remoteAddress, remotePort) + hostKey(localAddress, localPort);
        const text = xxHash64(ends).toString(16).padStart(16, "0");
        const age = ttl > 0 ? `; Max-Age=${Math.round(ttl / 1000)}` : "";
        const cookie = `${name}="${text}"${age}${path === "" ? "" : `; Path=${path}`}; HttpOnly`;
        return { hash: xxHash64(text), cookie };
      };
    }
    case "connectionProperties":
      return (_head, { remoteAddress }) => (specifier.value.sourceIp ? some(remoteAddress) : undefined);
    case "queryParameter": {
      const { name } = specifier.value;
      return (head) => some(queryValue(head.path, name));
    }
    default:
      throw new ConfigError(`${where}: unsupported hash policy ${specifier.case ?? "none"}`);
  }
}

/** Of a header that comes more than once the values count in their order, not in that of the fields. */
function headerHash(head: RequestHead, name: string): { readonly hash: bigint } | undefined {
  const { headers } = head;
  const values: string[] = [];
  for (let i = 0; i < headers.length; i += 2) if (headers[i] === name) values.push(headers[i + 1] ?? "");
  if (values.length <= 1) {
    const text = values[0] ?? requestHeader(head, name);
    return text === undefined ? undefined : { hash: xxHash64(text) };
  }
  return { hash: values.sort().reduce((seed, value) => xxHash64(value, seed), 0n) };
}
