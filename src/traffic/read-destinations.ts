import { type DescMessage, fromBinary, type MessageShape } from "@bufbuild/protobuf";
import { type ProxySnapshot, parseClusterName } from "../discovery/index.ts";
import { TrafficDirection } from "../xds/gen/envoy/config/core/v3/base_pb.js";
import type { Filter } from "../xds/gen/envoy/config/listener/v3/listener_components_pb.js";
import type { Listener } from "../xds/gen/envoy/config/listener/v3/listener_pb.js";
import type { Route, RouteMatch } from "../xds/gen/envoy/config/route/v3/route_components_pb.js";
import { TcpProxySchema } from "../xds/gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.js";
import { type Handling, readHandling } from "./read-handling.ts";

/** One way that a proxy sends what is meant for a host and port. */
export interface Destination {
  /** "helloworld.sample.svc.cluster.local:5000" */
  readonly host: string;
  /** Which requests: "" for those that no other way takes, else in words: "/api*", "header end-user: jason". */
  readonly match: string;
  readonly isHttp: boolean;
  /** Envoy's clusters with their weights; or what the proxy answers by itself. */
  readonly targets: readonly {
    readonly cluster: string;
    readonly weight: number;
    readonly isOwnAnswer?: boolean;
  }[];
  readonly handling: Handling;
}

/** Everything that a proxy knows a way to, by its routes and, for what is no HTTP, its listeners. */
export function readDestinations(snapshot: ProxySnapshot): readonly Destination[] {
  const found = new Map<string, Destination>();
  const add = (destination: Destination) => {
    const key = `${destination.host} ${destination.match}`;
    // The first that fits counts.
    if (!found.has(key)) found.set(key, destination);
  };
  for (const { virtualHosts } of snapshot.routes.values())
    for (const { name, routes } of virtualHosts)
      if (name !== "allow_any" && name !== "block_all" && !name.startsWith("blackhole:"))
        for (const route of routes)
          add({
            host: name,
            match: inWords(route.match),
            isHttp: true,
            targets: targetsOf(route),
            handling: readHandling(route),
          });
  const http = new Set([...found.values()].map(({ host }) => host));
  for (const listener of snapshot.listeners.values())
    for (const destination of tcpDestinations(snapshot, listener))
      if (!http.has(destination.host)) add(destination);
  return [...found.values()];
}

function targetsOf({ action }: Route): Destination["targets"] {
  switch (action.case) {
    case "route": {
      const { clusterSpecifier } = action.value;
      if (clusterSpecifier.case === "cluster") return [{ cluster: clusterSpecifier.value, weight: 1 }];
      if (clusterSpecifier.case === "weightedClusters")
        return clusterSpecifier.value.clusters.map(({ name, weight }) => ({
          cluster: name,
          weight: weight ?? 0,
        }));
      return [];
    }
    case "directResponse":
      return [{ cluster: `answers ${action.value.status}`, weight: 1, isOwnAnswer: true }];
    case "redirect":
      return [{ cluster: "redirects", weight: 1, isOwnAnswer: true }];
    default:
      return [];
  }
}

/** Clusters of connections that no HTTP is read of. */
function tcpDestinations(snapshot: ProxySnapshot, listener: Listener): Destination[] {
  if (listener.trafficDirection !== TrafficDirection.OUTBOUND || listener.name === "virtualOutbound")
    return [];
  const address = listener.address?.address;
  const bound = address?.case === "socketAddress" ? address.value.address : "";
  const { filterChains, defaultFilterChain } = listener;
  return [...filterChains, ...(defaultFilterChain === undefined ? [] : [defaultFilterChain])].flatMap(
    ({ filters, filterChainMatch }): Destination[] => {
      const proxy = filters.map((filter) => unpack(filter, TcpProxySchema)).find((one) => one !== undefined);
      const specifier = proxy?.clusterSpecifier;
      const targets =
        specifier?.case === "cluster"
          ? [{ cluster: specifier.value, weight: 1 }]
          : specifier?.case === "weightedClusters"
            ? specifier.value.clusters.map(({ name, weight }) => ({ cluster: name, weight }))
            : [];
      const [first] = targets
        .map(({ cluster }) => parseClusterName(cluster))
        .filter((one) => one !== undefined);
      if (first === undefined || first.isSni) return [];
      const port =
        address?.case === "socketAddress" && address.value.portSpecifier.case === "portValue"
          ? address.value.portSpecifier.value
          : first.port;
      const host = hostAt(snapshot, bound, port) ?? first.host;
      const names = filterChainMatch?.serverNames ?? [];
      return [
        {
          host: `${host}:${port}`,
          match: names.length === 0 ? "" : `SNI ${names[0]}`,
          isHttp: false,
          targets,
          handling: {},
        },
      ];
    },
  );
}

/** The service whose address a listener has. */
function hostAt({ scope, proxy }: ProxySnapshot, address: string, port: number): string | undefined {
  return scope.services.find(
    ({ clusterAddresses, addresses, ports }) =>
      ports.some((one) => one.port === port) &&
      (clusterAddresses.get(proxy.clusterId) ?? addresses).includes(address),
  )?.host;
}

function unpack<D extends DescMessage>({ configType }: Filter, schema: D): MessageShape<D> | undefined {
  return configType.case === "typedConfig" &&
    configType.value.typeUrl === `type.googleapis.com/${schema.typeName}`
    ? fromBinary(schema, configType.value.value)
    : undefined;
}

/** What requests a route takes, in words; "" for all. */
function inWords(match: RouteMatch | undefined): string {
  if (match === undefined) return "";
  const { pathSpecifier: path, headers, queryParameters } = match;
  const parts: string[] = [];
  if (path.case === "prefix" && path.value !== "/") parts.push(`${path.value}*`);
  else if (path.case === "path" || path.case === "pathSeparatedPrefix") parts.push(path.value);
  else if (path.case === "safeRegex" && path.value.regex !== ".*") parts.push(path.value.regex);
  for (const { name, headerMatchSpecifier: how, invertMatch } of headers) {
    const text =
      how.case === "stringMatch" && typeof how.value.matchPattern.value === "string"
        ? `: ${how.value.matchPattern.value}`
        : "";
    const subject = name === ":method" ? `method${text}` : `header ${name}${text}`;
    parts.push(`${invertMatch ? "not " : ""}${subject}`);
  }
  for (const { name } of queryParameters) parts.push(`?${name}`);
  return parts.join(", ");
}
