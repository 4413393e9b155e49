import { type DescMessage, fromBinary, type MessageShape } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import { HealthStatus } from "../../../xds/gen/envoy/config/core/v3/health_check_pb.js";
import type { Listener } from "../../../xds/gen/envoy/config/listener/v3/listener_pb.js";
import type { RouteConfiguration } from "../../../xds/gen/envoy/config/route/v3/route_pb.js";
import { HttpConnectionManagerSchema } from "../../../xds/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import type { ProxySnapshot } from "../snapshot.ts";

/** A message out of an Any, whose type must be the expected one. */
export function unpack<D extends DescMessage>(any: Any | undefined, schema: D): MessageShape<D> {
  if (any?.typeUrl !== `type.googleapis.com/${schema.typeName}`)
    throw new Error(`${any?.typeUrl} is no ${schema.typeName}`);
  return fromBinary(schema, any.value);
}

/** "host: /prefix -> cluster 30, other 70": one line per route. */
export function routeLines(routes: RouteConfiguration | undefined): string[] {
  return (routes?.virtualHosts ?? []).flatMap((host) =>
    host.routes.map((route) => {
      const { pathSpecifier } = route.match ?? {};
      const path =
        pathSpecifier?.case === "prefix" || pathSpecifier?.case === "path" ? pathSpecifier.value : "?";
      const { action } = route;
      const specifier = action.case === "route" ? action.value.clusterSpecifier : undefined;
      const target =
        specifier?.case === "cluster"
          ? specifier.value
          : specifier?.case === "weightedClusters"
            ? specifier.value.clusters.map(({ name, weight }) => `${name} ${weight}`).join(", ")
            : action.case;
      return `${host.domains[0]}: ${path} -> ${target}`;
    }),
  );
}

/** "p0 region/zone w3: address w1, address w2": one line per locality. */
export function endpointLines(snapshot: ProxySnapshot, cluster: string): string[] {
  return (snapshot.endpoints.get(cluster)?.endpoints ?? []).map((group) => {
    const { region = "", zone = "" } = group.locality ?? {};
    const rows = group.lbEndpoints.map(({ hostIdentifier, healthStatus, loadBalancingWeight }) => {
      const address = hostIdentifier.case === "endpoint" ? hostIdentifier.value.address?.address : undefined;
      const text = address?.case === "socketAddress" ? address.value.address : (address?.case ?? "?");
      return `${text} w${loadBalancingWeight ?? 0}${healthStatus === HealthStatus.UNHEALTHY ? " unhealthy" : ""}`;
    });
    return `p${group.priority} ${region}/${zone} w${group.loadBalancingWeight ?? 0}: ${rows.join(", ")}`;
  });
}

/** "name port/sni/alpn: filter, filter": one line per chain. */
export function chainLines(listener: Listener | undefined): string[] {
  return (listener?.filterChains ?? []).map(({ name, filterChainMatch: match, transportSocket, filters }) => {
    const port = match?.destinationPort ?? "";
    const socket = transportSocket === undefined ? "" : " TLS";
    const kinds = filters.map((filter) => filter.name.split(".").pop());
    return `${name} ${[port, match?.serverNames.join() ?? "", match?.transportProtocol ?? ""].join("/")}${socket}: ${kinds.join(", ")}`;
  });
}

/** The HTTP filters of each chain that has a connection manager. */
export function httpFilters(listener: Listener | undefined): string[][] {
  return (listener?.filterChains ?? []).flatMap(({ filters }) =>
    filters.flatMap(({ name, configType }) =>
      name.endsWith("http_connection_manager") && configType.case === "typedConfig"
        ? [unpack(configType.value, HttpConnectionManagerSchema).httpFilters.map((filter) => filter.name)]
        : [],
    ),
  );
}
