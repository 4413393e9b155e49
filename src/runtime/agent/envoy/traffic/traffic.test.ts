import assert from "node:assert/strict";
import { create } from "@bufbuild/protobuf";
import { type Any, anyPack, anyUnpack } from "@bufbuild/protobuf/wkt";
import { suite, test } from "vitest";
import { TrafficDirection } from "../../../../xds/gen/envoy/config/core/v3/base_pb.js";
import {
  FilterChainSchema,
  FilterSchema,
} from "../../../../xds/gen/envoy/config/listener/v3/listener_components_pb.js";
import { ListenerSchema } from "../../../../xds/gen/envoy/config/listener/v3/listener_pb.js";
import { FileAccessLogSchema } from "../../../../xds/gen/envoy/extensions/access_loggers/file/v3/file_pb.js";
import { HttpConnectionManagerSchema } from "../../../../xds/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import { TcpProxySchema } from "../../../../xds/gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.js";
import { ownHeaders, tellTraffic } from "./tell-traffic.ts";
import { createTrafficCounter, lineFormat } from "./traffic-lines.ts";

const node = {
  NAME: "web-1",
  NAMESPACE: "shop",
  WORKLOAD_NAME: "web",
  CLUSTER_ID: "east",
  LABELS: { app: "web", version: "v1" },
};
const peer = { ...node, WORKLOAD_NAME: "api", CLUSTER_ID: "west", LABELS: { app: "api" } };
const told = ownHeaders("sidecar~10.0.0.2~api-1.shop~shop.svc", peer).data;

/** A line as Envoy would write it with these values of its operators; "-" for the others. */
function lineOf(
  kind: "request" | "connection",
  direction: "inbound" | "outbound",
  values: Record<string, string>,
): string {
  return lineFormat(kind, direction)
    .trimEnd()
    .replace(/%[^%]+%/g, (operator) => values[operator] ?? "-");
}

/** Values of a series' labels, by the name of a series and the value of `count`. */
function labelsOf(text: string, name: string): Record<string, string> {
  const [, labels = ""] = new RegExp(`^${name}\\{(.*)\\} `, "m").exec(text) ?? [];
  return Object.fromEntries(
    [...labels.matchAll(/(\w+)="([^"]*)"/g)].map(([, label, value]) => [label, value]),
  );
}

suite("what an Envoy writes about its traffic", () => {
  test("a request that goes out is counted with the peer that answered, and the service of its cluster", () => {
    const counter = createTrafficCounter(node);
    const values = {
      "%RESPONSE_CODE%": "200",
      "%BYTES_RECEIVED%": "5",
      "%BYTES_SENT%": "60",
      "%COMMON_DURATION(DS_RX_BEG:DS_TX_END:us)%": "2500",
      "%DURATION%": "2",
      "%UPSTREAM_CLUSTER_RAW%": "outbound|80||api.shop.svc.cluster.local",
      "%METADATA(CLUSTER:istio:services)%":
        '[{"host":"api.shop.svc.cluster.local","name":"api","namespace":"shop"}]',
      "%METADATA(UPSTREAM_HOST:istio:workload)%": "gateway;istio-system;gateway;latest;west",
      "%UPSTREAM_PEER_URI_SAN%": "spiffe://mesh/ns/shop/sa/api",
      "%UPSTREAM_LOCAL_URI_SAN%": "spiffe://mesh/ns/shop/sa/web",
      "%DYNAMIC_METADATA(isthmus.peer:data)%": told,
    };
    counter.take(lineOf("request", "outbound", values));
    counter.take(lineOf("request", "outbound", values));
    const text = counter.text();
    const labels = labelsOf(text, "istio_requests_total");
    assert.deepEqual(
      [
        labels["reporter"],
        labels["source_workload"],
        labels["destination_workload"],
        labels["destination_cluster"],
      ],
      ["source", "web", "api", "west"],
    );
    assert.deepEqual(
      [
        labels["destination_service_name"],
        labels["destination_principal"],
        labels["response_code"],
        labels["response_flags"],
      ],
      ["api", "spiffe://mesh/ns/shop/sa/api", "200", "-"],
    );
    assert.equal(labels["connection_security_policy"], "unknown");
    assert.match(text, /istio_requests_total\{.*\} 2\n/);
    assert.match(text, /istio_request_duration_milliseconds_sum\{.*\} 5\n/);
    assert.match(text, /istio_response_bytes_sum\{.*\} 120\n/);
  });

  test("a request that comes in is counted with its caller, and with whether it came over mutual TLS", () => {
    const counter = createTrafficCounter(node);
    const values = { "%RESPONSE_CODE%": "503", "%RESPONSE_FLAGS%": "UF,URX", "%DURATION%": "7" };
    counter.take(lineOf("request", "inbound", values));
    const plain = labelsOf(counter.text(), "istio_requests_total");
    assert.deepEqual(
      [
        plain["reporter"],
        plain["source_workload"],
        plain["destination_workload"],
        plain["connection_security_policy"],
      ],
      ["destination", "unknown", "web", "none"],
    );
    assert.equal(plain["response_flags"], "UF,URX");
    assert.match(counter.text(), /istio_request_duration_milliseconds_sum\{.*\} 7\n/);
    const secure = createTrafficCounter(node);
    secure.take(
      lineOf("request", "inbound", {
        ...values,
        "%DOWNSTREAM_PEER_URI_SAN%": "spiffe://mesh/ns/shop/sa/api",
        "%DYNAMIC_METADATA(isthmus.peer:data)%": `"${told}"`,
        "%REQ(CONTENT-TYPE)%": "application/grpc",
        "%GRPC_STATUS_NUMBER%": "14",
      }),
    );
    const labels = labelsOf(secure.text(), "istio_requests_total");
    assert.deepEqual(
      [labels["source_workload"], labels["source_cluster"], labels["connection_security_policy"]],
      ["api", "west", "mutual_tls"],
    );
    assert.deepEqual([labels["request_protocol"], labels["grpc_response_status"]], ["grpc", "14"]);
  });

  test("a connection of TCP is counted by its bytes, its peer by the endpoint's metadata", () => {
    const counter = createTrafficCounter(node);
    counter.take(
      lineOf("connection", "outbound", {
        "%BYTES_RECEIVED%": "100",
        "%BYTES_SENT%": "2000",
        "%UPSTREAM_CLUSTER_RAW%": "outbound|9000||db.shop.svc.cluster.local",
        "%METADATA(UPSTREAM_HOST:istio:workload)%": '"db;shop;db;v1;west"',
      }),
    );
    const labels = labelsOf(counter.text(), "istio_tcp_received_bytes_total");
    assert.deepEqual(
      [labels["request_protocol"], labels["destination_workload"], labels["destination_version"]],
      ["tcp", "db", "v1"],
    );
    assert.match(counter.text(), /istio_tcp_sent_bytes_total\{.*\} 2000\n/);
    assert.match(counter.text(), /istio_tcp_connections_opened_total\{.*\} 1\n/);
  });

  test("what is no line of its own, and metadata that nobody can read, do no harm", () => {
    const counter = createTrafficCounter(undefined);
    counter.take("");
    counter.take("request outbound\ta\tb");
    assert.equal(counter.text(), "");
    counter.take(
      lineOf("request", "outbound", {
        "%RESPONSE_CODE%": "404",
        "%METADATA(CLUSTER:istio:services)%": "{",
        "%DYNAMIC_METADATA(isthmus.peer:data)%": "!!!",
        "%REQ(:AUTHORITY)%": "example.com",
        "%UPSTREAM_CLUSTER_RAW%": "PassthroughCluster",
      }),
    );
    const labels = labelsOf(counter.text(), "istio_requests_total");
    assert.deepEqual(
      [labels["destination_workload"], labels["destination_service"], labels["destination_service_name"]],
      ["unknown", "example.com", "PassthroughCluster"],
    );
  });
});

suite("a listener that tells of its traffic", () => {
  const listenerOf = (trafficDirection: TrafficDirection, ...configs: readonly Any[]) =>
    create(ListenerSchema, {
      trafficDirection,
      filterChains: [
        create(FilterChainSchema, {
          filters: configs.map((value) =>
            create(FilterSchema, { configType: { case: "typedConfig", value } }),
          ),
        }),
      ],
    });
  const http = (): Any =>
    anyPack(
      HttpConnectionManagerSchema,
      create(HttpConnectionManagerSchema, { httpFilters: [{ name: "router" }] }),
    );
  const tcp = (): Any => anyPack(TcpProxySchema, create(TcpProxySchema));
  const configsOf = (listener: ReturnType<typeof listenerOf>): readonly Any[] =>
    (listener.filterChains[0]?.filters ?? []).flatMap(({ configType }) =>
      configType.case === "typedConfig" ? configType.value : [],
    );

  test.each([
    [TrafficDirection.OUTBOUND, "outbound"],
    [TrafficDirection.INBOUND, "inbound"],
  ])(
    "has a log of its own in every connection manager and TCP proxy, and exchanges metadata before all else",
    (direction, name) => {
      const listener = listenerOf(direction, http(), tcp());
      assert.equal(tellTraffic(listener, "/run/traffic", { id: "me", data: "AAAA" }), true);
      const [first, second] = configsOf(listener);
      const manager = first && anyUnpack(first, HttpConnectionManagerSchema);
      const proxy = second && anyUnpack(second, TcpProxySchema);
      assert.deepEqual(
        manager?.httpFilters.map(({ name: filter }) => filter),
        ["isthmus.header_to_metadata", "isthmus.header_mutation", "router"],
      );
      for (const [log, kind] of [
        [manager?.accessLog[0], "request"],
        [proxy?.accessLog[0], "connection"],
      ] as const) {
        const config =
          log?.configType.case === "typedConfig"
            ? anyUnpack(log.configType.value, FileAccessLogSchema)
            : undefined;
        assert.equal(config?.path, "/run/traffic");
        assert.ok(JSON.stringify(config?.accessLogFormat.value).includes(`${kind} ${name}`));
      }
    },
  );

  test("stays as it is when nothing in it carries traffic", () => {
    const listener = listenerOf(TrafficDirection.OUTBOUND);
    assert.equal(tellTraffic(listener, "/run/traffic", { id: "me", data: "AAAA" }), false);
  });
});
