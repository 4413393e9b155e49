import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import type { GoldenProxy } from "./golden.ts";

/** The type URL of one of Envoy's extensions. */
export const type = (name: string) => `type.googleapis.com/envoy.extensions.${name}`;

export interface GatewayOptions {
  readonly routes?: JsonValue[];
  readonly virtualHosts?: JsonValue[];
  readonly clusters?: JsonValue[];
  readonly hcm?: JsonObject;
  readonly transportSocket?: JsonObject;
  readonly httpFilters?: JsonValue[];
}

/** A gateway as istiod would configure it: one listener on port 80, routes by RDS. */
export function gateway(options: GatewayOptions): GoldenProxy {
  return {
    node: {
      id: "router~127.0.0.1~gw.istio-system~istio-system.svc.cluster.local",
      cluster: "gw",
      metadata: {},
    },
    cluster: options.clusters ?? [cluster("app", ["10.0.0.1"])],
    endpoint: [],
    nametable: [],
    route: [
      {
        name: "http.80",
        virtualHosts: options.virtualHosts ?? [
          {
            name: "all",
            domains: ["*"],
            routes: options.routes ?? [{ match: { prefix: "/" }, route: { cluster: "app" } }],
          },
        ],
      },
    ],
    listener: [
      {
        name: "0.0.0.0_80",
        address: { socketAddress: { address: "0.0.0.0", portValue: 80 } },
        ...(options.transportSocket === undefined
          ? {}
          : {
              listenerFilters: [
                {
                  name: "envoy.filters.listener.tls_inspector",
                  typedConfig: { "@type": type("filters.listener.tls_inspector.v3.TlsInspector") },
                },
              ],
            }),
        filterChains: [
          {
            ...(options.transportSocket === undefined ? {} : { transportSocket: options.transportSocket }),
            filters: [
              {
                name: "envoy.filters.network.http_connection_manager",
                typedConfig: {
                  "@type": type("filters.network.http_connection_manager.v3.HttpConnectionManager"),
                  statPrefix: "outbound_0.0.0.0_80;",
                  useRemoteAddress: true,
                  rds: { configSource: { ads: {} }, routeConfigName: "http.80" },
                  httpFilters: [
                    ...(options.httpFilters ?? []),
                    {
                      name: "envoy.filters.http.fault",
                      typedConfig: { "@type": type("filters.http.fault.v3.HTTPFault") },
                    },
                    {
                      name: "envoy.filters.http.cors",
                      typedConfig: { "@type": type("filters.http.cors.v3.Cors") },
                    },
                    {
                      name: "envoy.filters.http.router",
                      typedConfig: { "@type": type("filters.http.router.v3.Router") },
                    },
                  ],
                  ...options.hcm,
                },
              },
            ],
          },
        ],
      },
    ],
  };
}

/** The listener of a gateway that carries port 80 as TCP to the cluster "app". */
export function tcpListener(proxy: JsonObject = {}): JsonObject {
  return {
    name: "0.0.0.0_80",
    address: { socketAddress: { address: "0.0.0.0", portValue: 80 } },
    filterChains: [
      {
        filters: [
          {
            name: "envoy.filters.network.tcp_proxy",
            typedConfig: {
              "@type": type("filters.network.tcp_proxy.v3.TcpProxy"),
              statPrefix: "app",
              cluster: "app",
              ...proxy,
            },
          },
        ],
      },
    ],
  };
}

/** A cluster with inline endpoints on port 8080. */
export function cluster(name: string, addresses: readonly string[], more: JsonObject = {}): JsonObject {
  return {
    name,
    type: "STATIC",
    connectTimeout: "1s",
    loadAssignment: {
      clusterName: name,
      endpoints: [
        {
          lbEndpoints: addresses.map((address) => ({
            endpoint: { address: { socketAddress: { address, portValue: 8080 } } },
          })),
        },
      ],
    },
    ...more,
  };
}
