import assert from "node:assert/strict";
import { suite, test } from "vitest";
import { kinds, type Service } from "../../kube/index.ts";
import { refusalOf, useApiServer } from "../test-support/api-harness.ts";

const wide = useApiServer({ nodePortRange: { first: 30_000, last: 30_019 } });
const api = useApiServer({
  serviceRange: { first: "127.50.128.1", last: "127.50.128.6" },
  nodePortRange: { first: 30_000, last: 30_003 },
});

function service(namespace: string, name: string, spec: Partial<Service["spec"]> = {}): Service {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name, namespace },
    spec: { ports: [{ port: 80, name: "http" }], ...spec },
  };
}

suite("addresses of Services", () => {
  test("are the lowest free ones, and come back with the Service's end", async () => {
    const namespace = await api.freshNamespace();
    const first = await api.client.create(kinds.services, service(namespace, "a"));
    const second = await api.client.create(kinds.services, service(namespace, "b"));
    // The first address of the range is the API's own.
    assert.deepEqual([first.spec.clusterIP, second.spec.clusterIP], ["127.50.128.2", "127.50.128.3"]);
    await api.client.delete(kinds.services, "a", { namespace });
    const third = await api.client.create(kinds.services, service(namespace, "c"));
    assert.equal(third.spec.clusterIP, "127.50.128.2");
    for (const name of ["b", "c"]) await api.client.delete(kinds.services, name, { namespace });
  });

  const refusals = [
    [
      "taken",
      { clusterIP: "127.50.128.1" },
      /failed to allocate IP 127.50.128.1: provided IP is already allocated/,
    ],
    [
      "of another range",
      { clusterIP: "10.0.0.1" },
      /failed to allocate IP 10.0.0.1: the provided IP is not in the valid range/,
    ],
    ["none", { clusterIP: "nonsense" }, /must be a valid IP address/],
  ] as const;
  for (const [what, spec, message] of refusals)
    test(`that are ${what} are refused`, async () => {
      const namespace = await api.freshNamespace();
      const refused = await refusalOf(api.client.create(kinds.services, service(namespace, "a", spec)));
      assert.equal(refused.code, 422);
      assert.match(refused.message ?? "", message);
    });

  test("never change, and headless Services have none", async () => {
    const namespace = await api.freshNamespace();
    const made = await api.client.create(kinds.services, service(namespace, "a"));
    const refused = await refusalOf(
      api.client.replace(kinds.services, {
        ...made,
        spec: { ...made.spec, clusterIP: "127.50.128.5", clusterIPs: ["127.50.128.5"] },
      }),
    );
    assert.match(
      refused.message ?? "",
      /spec.clusterIPs\[0\]: Invalid value: \["127.50.128.5"\]: may not change once set/,
    );
    const headless = await api.client.create(kinds.services, service(namespace, "h", { clusterIP: "None" }));
    assert.deepEqual(headless.spec.clusterIPs, ["None"]);
    await api.client.delete(kinds.services, "a", { namespace });
  });

  test("node ports are handed out, kept over updates, and run out", async () => {
    const namespace = await api.freshNamespace();
    const ports = [
      { port: 80, name: "http" },
      { port: 443, name: "https" },
    ];
    const made = await api.client.create(
      kinds.services,
      service(namespace, "a", { type: "LoadBalancer", ports }),
    );
    assert.deepEqual(
      made.spec.ports?.map(({ nodePort }) => nodePort),
      [30_000, 30_001],
    );
    const { clusterIP: _ip, clusterIPs: _ips, ...spec } = made.spec;
    const again = await api.client.replace(kinds.services, { ...made, spec: { ...spec, ports } });
    assert.deepEqual(
      again.spec.ports?.map(({ nodePort }) => nodePort),
      [30_000, 30_001],
    );
    assert.equal(again.spec.clusterIP, made.spec.clusterIP);
    const taken = [{ port: 80, name: "http", nodePort: 30_001 }];
    const refused = await refusalOf(
      api.client.create(kinds.services, service(namespace, "b", { type: "NodePort", ports: taken })),
    );
    assert.match(
      refused.message ?? "",
      /spec.ports\[0\].nodePort: Invalid value: 30001: provided port is already allocated/,
    );
    await api.client.create(kinds.services, service(namespace, "c", { type: "NodePort", ports }));
    const full = await refusalOf(
      api.client.create(kinds.services, service(namespace, "d", { type: "NodePort" })),
    );
    assert.match(full.message ?? "", /failed to allocate a nodePort: range is full/);
  });

  test("node ports that users are likely to write are given out last", async () => {
    const namespace = await wide.freshNamespace();
    const ports = Array.from({ length: 5 }, (_, i) => ({ port: 80 + i, name: `p${i}` }));
    const made = await wide.client.create(
      kinds.services,
      service(namespace, "a", { type: "NodePort", ports }),
    );
    assert.deepEqual(
      made.spec.ports?.map(({ nodePort }) => nodePort),
      [30_016, 30_017, 30_018, 30_019, 30_000],
    );
    const chosen = { type: "NodePort", ports: [{ port: 80, nodePort: 30_001 }] } as const;
    await wide.client.create(kinds.services, service(namespace, "b", chosen));
  });
});
