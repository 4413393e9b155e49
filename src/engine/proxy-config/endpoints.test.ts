import assert from "node:assert/strict";
import { suite, test } from "vitest";
import { endpointRows } from "./endpoints.ts";

const host = (address: string, port: number, outlier = false) => ({
  address: { socket_address: { address, port_value: port } },
  health_status: { eds_health_status: "HEALTHY", ...(outlier ? { failed_outlier_check: true } : {}) },
  weight: 2,
  locality: { region: "r1", zone: "z1" },
});
const dump = {
  cluster_statuses: [
    {
      name: "outbound|5000||b.ns.svc.cluster.local",
      host_statuses: [host("10.0.0.10", 5000), host("10.0.0.9", 5000, true)],
    },
    { name: "inbound|5000||", host_statuses: [host("10.0.0.1", 5000)] },
    { name: "outbound|80||a.ns.svc.cluster.local" },
  ],
};

suite("endpointRows()", () => {
  test("has a row per endpoint of outbound clusters, by address", () => {
    assert.deepEqual(
      endpointRows(dump, {}).map(({ endpoint, status, outlierCheck, locality }) => [
        endpoint,
        status,
        outlierCheck,
        locality,
      ]),
      [
        ["10.0.0.9:5000", "HEALTHY", "FAILED", "r1/z1"],
        ["10.0.0.10:5000", "HEALTHY", "OK", "r1/z1"],
      ],
    );
  });

  test("a name limits it to one cluster, all shows the others too", () => {
    assert.equal(endpointRows(dump, { name: "inbound|5000||" }).length, 1);
    assert.equal(endpointRows(dump, { all: true }).length, 3);
  });

  test("an endpoint behind a unix socket shows its path", () => {
    const clusters = [{ name: "agent", host_statuses: [{ address: { pipe: { path: "/x/agent" } } }] }];
    const [row] = endpointRows({ cluster_statuses: clusters }, { all: true });
    assert.equal(row?.endpoint, "unix:///x/agent");
  });
});
