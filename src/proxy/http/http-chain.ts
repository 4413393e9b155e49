import type { Any } from "@bufbuild/protobuf/wkt";
import { HTTPFaultSchema } from "../../xds/gen/envoy/extensions/filters/http/fault/v3/fault_pb.js";
import { JwtAuthenticationSchema } from "../../xds/gen/envoy/extensions/filters/http/jwt_authn/v3/config_pb.js";
import { RBACSchema } from "../../xds/gen/envoy/extensions/filters/http/rbac/v3/rbac_pb.js";
import type { HttpFilter as HttpFilterMessage } from "../../xds/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import {
  HttpConnectionManager_CodecType as CodecType,
  type HttpConnectionManager,
  HttpConnectionManagerSchema,
  HttpConnectionManager_ServerHeaderTransformation as ServerHeader,
  HttpConnectionManager_PathWithEscapedSlashesAction as SlashAction,
} from "../../xds/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import { type AccessLogger, compileAccessLogs } from "../access-log/access-log.ts";
import { ConfigError } from "../config/config-error.ts";
import { milliseconds, unpack } from "../config/wire.ts";
import { type AlpnOverride, compileAlpnFilter } from "../filters/alpn.ts";
import { type AddressTest, compileRange } from "../filters/cidr.ts";
import { compileFault, type FaultRules } from "../filters/fault.ts";
import { compileJwt, type JwtRules } from "../filters/jwt/compile-jwt.ts";
import { compilePeerMetadata, type PeerMetadataRules } from "../filters/peer-metadata.ts";
import { compileRbac, type RbacRules } from "../filters/rbac.ts";
import { defaultHeadLimits, type HeadLimits } from "../http1/parse-head.ts";
import { compileRouteTable, type RouteTable } from "../router/route-table.ts";
import { compileTracing, type TracingRules } from "../tracing/compile-tracing.ts";
import { compileXfcc, type XfccRules } from "./xfcc.ts";

/** Where a chain's routes are: in itself, or in a route configuration that comes and changes by its own name. */
export interface RouteSource {
  readonly current: RouteTable | undefined;
}

export type HttpFilter =
  | {
      readonly kind: "rbac";
      readonly name: string;
      readonly rules: RbacRules | undefined;
      /** Rules that are only tried; what they say is counted under names that begin with `prefix`. */
      readonly shadow: { readonly rules: RbacRules; readonly prefix: string } | undefined;
    }
  | { readonly kind: "fault"; readonly name: string; readonly rules: FaultRules }
  | { readonly kind: "cors"; readonly name: string }
  | { readonly kind: "jwt"; readonly name: string; readonly rules: JwtRules };

/** A compiled HTTP connection manager. */
export interface HttpChain {
  readonly statPrefix: string;
  readonly codec: "auto" | "http1" | "http2";
  readonly routes: RouteSource;
  /** Name of the route configuration that must come by RDS. */
  readonly routeName: string | undefined;
  readonly filters: readonly HttpFilter[];
  readonly alpn: AlpnOverride | undefined;
  readonly peerMetadata: PeerMetadataRules | undefined;
  readonly accessLogs: readonly AccessLogger[];
  readonly xfcc: XfccRules;
  readonly serverName: string;
  readonly serverHeader: "overwrite" | "append-if-absent" | "pass-through";
  readonly useRemoteAddress: boolean;
  readonly skipXffAppend: boolean;
  readonly trustedHops: number;
  readonly internalAddress: AddressTest | undefined;
  readonly generateRequestId: boolean;
  readonly preserveRequestId: boolean;
  readonly requestIdInResponse: boolean;
  readonly via: string;
  /** Undefined: requests are not traced. */
  readonly tracing: TracingRules | undefined;
  /** Routes tell what traces call their operation. */
  readonly traces: boolean;
  readonly normalizePath: boolean;
  readonly mergeSlashes: boolean;
  readonly escapedSlashes: "keep" | "reject" | "redirect" | "forward";
  readonly stripPort: "no" | "matching" | "any";
  readonly upgrades: ReadonlySet<string>;
  readonly limits: HeadLimits;
  readonly acceptHttp10: boolean;
  readonly idleTimeout: number;
  readonly streamIdleTimeout: number;
  readonly requestTimeout: number;
  readonly maxConcurrentStreams: number;
  /** An "expect: 100-continue" goes upstream; otherwise the proxy answers it. */
  readonly forwardsExpect: boolean;
}

/** What compiling needs from outside: where RDS names are looked up. */
export interface RouteDirectory {
  source(name: string): RouteSource;
}

/** Compiles an HTTP connection manager. Throws ConfigError on what it can't do. */
export function compileHttpChain(
  config: Any | undefined,
  directory: RouteDirectory,
  where: string,
): HttpChain {
  const message = unpack(config, HttpConnectionManagerSchema, where);
  if (message.statPrefix === "") throw new ConfigError(`${where}: stat_prefix is missing`);
  const { routes, routeName } = routesOf(message, directory, where);
  const compiled = compileFilters(message.httpFilters, where);
  const common = message.commonHttpProtocolOptions;
  return {
    statPrefix: message.statPrefix.replace(/;$/, ""),
    codec: codecOf(message.codecType, where),
    routes,
    routeName,
    ...compiled,
    accessLogs: compileAccessLogs(message.accessLog, where),
    xfcc: compileXfcc(message),
    serverName: message.serverName || "envoy",
    serverHeader:
      message.serverHeaderTransformation === ServerHeader.APPEND_IF_ABSENT
        ? "append-if-absent"
        : message.serverHeaderTransformation === ServerHeader.PASS_THROUGH
          ? "pass-through"
          : "overwrite",
    useRemoteAddress: message.useRemoteAddress ?? false,
    skipXffAppend: message.skipXffAppend,
    trustedHops: message.xffNumTrustedHops,
    internalAddress: internalAddresses(message, where),
    generateRequestId: message.generateRequestId ?? true,
    preserveRequestId: message.preserveExternalRequestId,
    requestIdInResponse: message.alwaysSetRequestIdInResponse,
    via: message.via,
    tracing: compileTracing(message, where),
    traces: message.tracing !== undefined,
    normalizePath: message.normalizePath ?? false,
    mergeSlashes: message.mergeSlashes,
    escapedSlashes: slashActions[message.pathWithEscapedSlashesAction] ?? "keep",
    stripPort:
      message.stripPortMode.case === "stripAnyHostPort" && message.stripPortMode.value
        ? "any"
        : message.stripMatchingHostPort
          ? "matching"
          : "no",
    upgrades: new Set(
      message.upgradeConfigs
        .filter(({ enabled }) => enabled !== false)
        .map(({ upgradeType }) => upgradeType.toLowerCase()),
    ),
    limits: {
      maxBytes: (message.maxRequestHeadersKb ?? defaultHeadLimits.maxBytes / 1024) * 1024,
      maxCount: common?.maxHeadersCount ?? defaultHeadLimits.maxCount,
    },
    acceptHttp10: message.httpProtocolOptions?.acceptHttp10 ?? false,
    idleTimeout: milliseconds(common?.idleTimeout) ?? 3_600_000,
    streamIdleTimeout: milliseconds(message.streamIdleTimeout) ?? 300_000,
    requestTimeout: milliseconds(message.requestTimeout) ?? 0,
    maxConcurrentStreams: message.http2ProtocolOptions?.maxConcurrentStreams ?? 1024,
    forwardsExpect: message.proxy100Continue,
  };
}

const slashActions: Readonly<Record<number, HttpChain["escapedSlashes"]>> = {
  [SlashAction.REJECT_REQUEST]: "reject",
  [SlashAction.UNESCAPE_AND_REDIRECT]: "redirect",
  [SlashAction.UNESCAPE_AND_FORWARD]: "forward",
};

function codecOf(type: CodecType, where: string): HttpChain["codec"] {
  switch (type) {
    case CodecType.AUTO:
      return "auto";
    case CodecType.HTTP1:
      return "http1";
    case CodecType.HTTP2:
      return "http2";
    default:
      throw new ConfigError(`${where}: unsupported codec type ${type}`);
  }
}

function routesOf(
  message: HttpConnectionManager,
  directory: RouteDirectory,
  where: string,
): { readonly routes: RouteSource; readonly routeName: string | undefined } {
  const specifier = message.routeSpecifier;
  switch (specifier.case) {
    case "rds":
      if (specifier.value.routeConfigName === "") throw new ConfigError(`${where}: RDS without a name`);
      return {
        routes: directory.source(specifier.value.routeConfigName),
        routeName: specifier.value.routeConfigName,
      };
    case "routeConfig":
      return { routes: { current: compileRouteTable(specifier.value) }, routeName: undefined };
    default:
      throw new ConfigError(`${where}: unsupported route specifier ${specifier.case ?? "none"}`);
  }
}

function internalAddresses(message: HttpConnectionManager, where: string): AddressTest | undefined {
  const ranges = message.internalAddressConfig?.cidrRanges ?? [];
  if (ranges.length === 0) return undefined;
  const tests = ranges.map((range) => compileRange(range.addressPrefix, range.prefixLen, where));
  return (address) => tests.some((test) => test(address));
}

type CompiledFilters = Pick<HttpChain, "filters" | "alpn" | "peerMetadata">;

function compileFilters(messages: readonly HttpFilterMessage[], parent: string): CompiledFilters {
  const filters: HttpFilter[] = [];
  let alpn: AlpnOverride | undefined;
  let peerMetadata: PeerMetadataRules | undefined;
  for (const { name, configType, isOptional } of messages) {
    const where = `${parent}, ${name}`;
    const config = configType.case === "typedConfig" ? configType.value : undefined;
    if (config === undefined) {
      throw new ConfigError(`Didn't find a registered implementation for '${name}' with type URL: ''`);
    }
    const type = config.typeUrl.slice(config.typeUrl.lastIndexOf("/") + 1);
    switch (type) {
      case "envoy.extensions.filters.http.router.v3.Router":
      case "envoy.extensions.filters.http.grpc_stats.v3.FilterConfig":
      case "envoy.extensions.filters.http.grpc_web.v3.GrpcWeb":
      case "envoy.extensions.filters.http.set_filter_state.v3.Config":
        break;
      case "envoy.extensions.filters.http.cors.v3.Cors":
        filters.push({ kind: "cors", name });
        break;
      case HTTPFaultSchema.typeName:
        filters.push({
          kind: "fault",
          name,
          rules: compileFault(unpack(config, HTTPFaultSchema, where), where),
        });
        break;
      case RBACSchema.typeName: {
        const rbac = unpack(config, RBACSchema, where);
        if (rbac.matcher !== undefined) throw new ConfigError(`${where}: matcher is not supported`);
        const tried = compileRbac(rbac.shadowRules, where);
        filters.push({
          kind: "rbac",
          name,
          rules: compileRbac(rbac.rules, where),
          shadow: tried && { rules: tried, prefix: rbac.shadowRulesStatPrefix },
        });
        break;
      }
      case JwtAuthenticationSchema.typeName:
        filters.push({
          kind: "jwt",
          name,
          rules: compileJwt(unpack(config, JwtAuthenticationSchema, where), where),
        });
        break;
      case "istio.envoy.config.filter.http.alpn.v2alpha1.FilterConfig":
        alpn = compileAlpnFilter(config, where);
        break;
      default:
        if (name === "istio.metadata_exchange") peerMetadata = compilePeerMetadata(config, where);
        // Istio's standard metrics are counted with or without it.
        else if (name !== "istio.stats" && !isOptional) {
          throw new ConfigError(
            `Didn't find a registered implementation for '${name}' with type URL: '${type}'`,
          );
        }
    }
  }
  return { filters, alpn, peerMetadata };
}
