import assert from "node:assert/strict";
import { suite, test } from "vitest";
import {
  createIstioMetrics,
  type IstioMetrics,
  type Traffic,
  unknownWorkload,
  workloadOfNode,
} from "./index.ts";

const traffic =
  (more: Partial<Traffic> = {}) =>
  (): Traffic => ({
    reporter: "source",
    source: workloadOfNode({
      WORKLOAD_NAME: "web",
      NAMESPACE: "shop",
      LABELS: { app: "web" },
      CLUSTER_ID: "east",
    }),
    destination: unknownWorkload,
    sourcePrincipal: undefined,
    destinationPrincipal: undefined,
    service: { host: "db.shop.svc", name: "db", namespace: "shop" },
    flags: "-",
    ...more,
  });

/** Values of a metric, by its response flags. */
function values(metrics: IstioMetrics, name: string): Record<string, number> {
  const lines = metrics
    .text()
    .matchAll(new RegExp(`^${name}\\{.*response_flags="([^"]*)".*\\} (\\S+)$`, "gm"));
  return Object.fromEntries([...lines].map(([, flags, value]) => [flags, Number(value)]));
}

suite("Istio's metrics of a proxy", () => {
  test("a connection is counted when it begins, its bytes whenever somebody looks, its end as it came", () => {
    const metrics = createIstioMetrics();
    let carried = { received: 10, sent: 100 };
    const connection = metrics.connection("a", traffic(), () => carried);
    assert.deepEqual(values(metrics, "istio_tcp_connections_opened_total"), { "-": 1 });
    assert.deepEqual(values(metrics, "istio_tcp_sent_bytes_total"), { "-": 100 });
    carried = { received: 15, sent: 300 };
    assert.deepEqual(values(metrics, "istio_tcp_sent_bytes_total"), { "-": 300 });
    assert.deepEqual(values(metrics, "istio_tcp_connections_closed_total"), { "-": 0 });
    carried = { received: 20, sent: 400 };
    connection.end("a UR", traffic({ flags: "UR" }));
    carried = { received: 99, sent: 999 };
    assert.deepEqual(values(metrics, "istio_tcp_received_bytes_total"), { "-": 20, UR: 0 });
    assert.deepEqual(values(metrics, "istio_tcp_connections_closed_total"), { "-": 0, UR: 1 });
  });

  test("requests are counted by what tells them apart, which is asked for once", () => {
    const metrics = createIstioMetrics();
    let asked = 0;
    const told = () => {
      asked++;
      return traffic({ request: { status: 503, grpcStatus: "14" }, flags: "UF" })();
    };
    for (const milliseconds of [3, 30]) metrics.request("k", told, { milliseconds, received: 1, sent: 2 });
    assert.equal(asked, 1);
    assert.deepEqual(values(metrics, "istio_requests_total"), { UF: 2 });
    assert.match(metrics.text(), /request_protocol="grpc",response_code="503",grpc_response_status="14"/);
    assert.match(metrics.text(), /istio_request_duration_milliseconds_bucket\{.*le="5"\} 1\n/);
    assert.match(metrics.text(), /istio_request_duration_milliseconds_sum\{.*\} 33\n/);
  });
});
