import { fromBinary } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import { TrafficDirection } from "../../xds/gen/envoy/config/core/v3/base_pb.js";
import type {
  FilterChain as FilterChainMessage,
  Filter as FilterMessage,
  ListenerFilterChainMatchPredicate,
} from "../../xds/gen/envoy/config/listener/v3/listener_components_pb.js";
import {
  type Listener as ListenerMessage,
  ListenerSchema,
} from "../../xds/gen/envoy/config/listener/v3/listener_pb.js";
import { RBACSchema } from "../../xds/gen/envoy/extensions/filters/network/rbac/v3/rbac_pb.js";
import { type AccessLogger, compileAccessLogs } from "../access-log/access-log.ts";
import { ConfigError } from "../config/config-error.ts";
import { milliseconds, socketAddress, unpack } from "../config/wire.ts";
import { compileRbac, type RbacRules } from "../filters/rbac.ts";
import { compileHttpChain, type HttpChain, type RouteDirectory } from "../http/http-chain.ts";
import type { Direction } from "../router/runtime.ts";
import { compileTcpProxy, type TcpChain } from "../tcp/tcp-proxy.ts";
import { compileServerTls, type ServerTls } from "../tls/accept-tls.ts";
import type { TlsCompiler } from "../tls/tls-settings.ts";
import { type ChainMatcher, compileChainMatcher } from "./match-chain.ts";
import { splitListener } from "./split-listener.ts";

/** One compiled filter chain. */
export interface FilterChain {
  readonly name: string;
  /** Equal for chains whose definitions are equal byte for byte. */
  readonly digest: string;
  readonly tls: ServerTls | undefined;
  readonly rbac: readonly RbacRules[];
  /** The cluster is called like the server name (sni_cluster). */
  readonly clusterFromSni: boolean;
  readonly terminal:
    | { readonly kind: "http"; readonly chain: HttpChain }
    | { readonly kind: "tcp"; readonly chain: TcpChain };
  /** Milliseconds that a TLS handshake may take. */
  readonly handshakeTimeout: number;
}

/** A listener resource as plain data, ready for connections. */
export interface CompiledListener {
  readonly name: string;
  /** Equal for listeners that differ in nothing but their filter chains. */
  readonly frame: string;
  readonly address: string;
  readonly port: number;
  /** It wants a port of its own; listeners for intercepted connections and those behind them don't. */
  readonly binds: boolean;
  readonly isInterception: boolean;
  readonly direction: Direction;
  /** Whether connections to this port are looked into. */
  inspectsTls(port: number): boolean;
  inspectsHttp(port: number): boolean;
  readonly readsProxyHeader: boolean;
  readonly inspectTimeout: number;
  readonly continuesOnTimeout: boolean;
  /** The chain for a connection: the default one when no other fits. */
  readonly match: ChainMatcher<FilterChain>;
  readonly chains: readonly FilterChain[];
  readonly accessLogs: readonly AccessLogger[];
  /** Route configurations that must come by RDS. */
  readonly routeNames: ReadonlySet<string>;
  readonly adsSecrets: ReadonlySet<string>;
}

export interface ListenerCompiler {
  readonly tls: TlsCompiler;
  readonly routes: RouteDirectory;
  /** The proxy is a gateway: its listeners face clients of all kinds. */
  readonly isGateway: boolean;
}

/**
 * Compiles and checks a serialized Listener. Chains that are in `before` with the same definition are taken from
 * there. Throws ConfigError, and other errors on bytes that are no Listener.
 */
export function compileListener(
  bytes: Uint8Array,
  compiler: ListenerCompiler,
  before: CompiledListener | undefined,
): CompiledListener {
  const message = fromBinary(ListenerSchema, bytes);
  const parts = splitListener(bytes);
  const known = new Map(before?.chains.map((chain) => [chain.digest, chain]));
  const compile = (chain: FilterChainMessage, digest: string, where: string) =>
    known.get(digest) ?? compileChain(chain, digest, where, compiler);
  const { name } = message;
  const { address, port } = socketAddress(message.address, name);
  const filters = compileListenerFilters(message);
  const entries = message.filterChains.map((chain, index) => ({
    match: chain.filterChainMatch,
    chain: compile(chain, parts.chains[index] ?? "", `${name}, chain ${chain.name || index}`),
  }));
  const fallback =
    message.defaultFilterChain === undefined
      ? undefined
      : compile(message.defaultFilterChain, parts.fallback ?? "", `${name}, default chain`);
  if (entries.length === 0 && fallback === undefined) throw new ConfigError(`${name}: no filter chains`);
  const chains = [...entries.map(({ chain }) => chain), ...(fallback === undefined ? [] : [fallback])];
  const match = compileChainMatcher(entries, name);
  const isInterception = (message.useOriginalDst ?? false) || filters.readsOriginal;
  return {
    name,
    frame: parts.frame,
    address,
    port,
    binds: (message.bindToPort ?? true) && !isInterception,
    isInterception,
    direction: compiler.isGateway
      ? "gateway"
      : message.trafficDirection === TrafficDirection.INBOUND
        ? "inbound"
        : "outbound",
    inspectsTls: filters.tls,
    inspectsHttp: filters.http,
    readsProxyHeader: filters.readsProxyHeader,
    inspectTimeout: milliseconds(message.listenerFiltersTimeout) ?? 15_000,
    continuesOnTimeout: message.continueOnListenerFiltersTimeout,
    match: (facts) => match(facts) ?? fallback,
    chains,
    accessLogs: compileAccessLogs(message.accessLog, name),
    routeNames: new Set(
      chains.flatMap(({ terminal }) =>
        terminal.kind === "http" && terminal.chain.routeName !== undefined ? [terminal.chain.routeName] : [],
      ),
    ),
    adsSecrets: new Set(chains.flatMap(({ tls }) => tls?.settings.adsSecrets ?? [])),
  };
}

type PortTest = (port: number) => boolean;

function compileListenerFilters(message: ListenerMessage) {
  let tls: PortTest = () => false;
  let http: PortTest = () => false;
  let readsOriginal = false;
  let readsProxyHeader = false;
  for (const filter of message.listenerFilters) {
    const config = filter.configType.case === "typedConfig" ? filter.configType.value : undefined;
    const type = config?.typeUrl ?? filter.name;
    const disabled =
      filter.filterDisabled === undefined ? () => false : portPredicate(filter.filterDisabled, message.name);
    const enabled: PortTest = (port) => !disabled(port);
    if (/tls_inspector|TlsInspector/.test(type)) tls = enabled;
    else if (/http_inspector|HttpInspector/.test(type)) http = enabled;
    else if (/original_dst|OriginalDst/.test(type)) readsOriginal = true;
    else if (/proxy_protocol|ProxyProtocol/.test(type)) readsProxyHeader = true;
    else if (!/set_filter_state/.test(type)) {
      throw new ConfigError(`${message.name}: unsupported listener filter ${type}`);
    }
  }
  return { tls, http, readsOriginal, readsProxyHeader };
}

function portPredicate(predicate: ListenerFilterChainMatchPredicate, where: string): PortTest {
  const { rule } = predicate;
  switch (rule.case) {
    case "anyMatch":
      return () => rule.value;
    case "destinationPortRange":
      return (port) => port >= rule.value.start && port < rule.value.end;
    case "orMatch": {
      const rules = rule.value.rules.map((inner) => portPredicate(inner, where));
      return (port) => rules.some((test) => test(port));
    }
    case "andMatch": {
      const rules = rule.value.rules.map((inner) => portPredicate(inner, where));
      return (port) => rules.every((test) => test(port));
    }
    case "notMatch": {
      const test = portPredicate(rule.value, where);
      return (port) => !test(port);
    }
    default:
      throw new ConfigError(`${where}: filter_disabled without a rule`);
  }
}

function compileChain(
  message: FilterChainMessage,
  digest: string,
  where: string,
  compiler: ListenerCompiler,
): FilterChain {
  const rbac: RbacRules[] = [];
  let clusterFromSni = false;
  let terminal: FilterChain["terminal"] | undefined;
  const filters: readonly FilterMessage[] = message.filters;
  for (const { name, configType } of filters) {
    if (terminal !== undefined) throw new ConfigError(`${where}: ${name} after a terminal filter`);
    const config: Any | undefined = configType.case === "typedConfig" ? configType.value : undefined;
    const type = config?.typeUrl.slice(config.typeUrl.lastIndexOf("/") + 1) ?? "";
    const at = `${where}, ${name}`;
    if (type.endsWith(".HttpConnectionManager")) {
      terminal = { kind: "http", chain: compileHttpChain(config, compiler.routes, at) };
    } else if (type.endsWith(".TcpProxy")) {
      terminal = { kind: "tcp", chain: compileTcpProxy(config, at) };
    } else if (type === RBACSchema.typeName) {
      const rules = unpack(config, RBACSchema, at);
      if (rules.matcher !== undefined) throw new ConfigError(`${at}: matcher is not supported`);
      const compiled = compileRbac(rules.rules, at);
      if (compiled !== undefined) rbac.push(compiled);
    } else if (type.endsWith(".SniCluster")) clusterFromSni = true;
    else if (!isPassive(name, type)) {
      throw new ConfigError(`Didn't find a registered implementation for '${name}' with type URL: '${type}'`);
    }
  }
  if (terminal === undefined) throw new ConfigError(`${where}: no terminal network filter`);
  return {
    name: message.name,
    digest,
    tls: compileServerTls(message.transportSocket, compiler.tls, where),
    rbac,
    clusterFromSni,
    terminal,
    handshakeTimeout: milliseconds(message.transportSocketConnectTimeout) || defaultHandshakeTimeout,
  };
}

/** Envoy waits without end; a socket that never speaks would then be kept for ever. */
const defaultHandshakeTimeout = 15_000;

/** Filters that only tell or remember something that this proxy has in another place. */
function isPassive(name: string, type: string): boolean {
  return (
    name === "istio.metadata_exchange" ||
    name === "istio.stats" ||
    name === "forward_downstream_sni" ||
    name === "istio_authn" ||
    type.endsWith("set_filter_state.v3.Config")
  );
}
