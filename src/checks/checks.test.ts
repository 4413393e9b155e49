import assert from "node:assert/strict";
import { suite, test } from "vitest";
import type { KubeObject, Service } from "../kube/index.ts";
import { checkExposure } from "./check-exposure.ts";
import { checkGatewayAddresses } from "./check-gateway-addresses.ts";
import type { ClusterView } from "./contracts.ts";

const service = (network: string, address?: string): Service => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: {
    name: "istio-eastwestgateway",
    namespace: "istio-system",
    labels: { "topology.istio.io/network": network },
  },
  spec: {
    type: "LoadBalancer",
    selector: { istio: "eastwestgateway", app: "x" },
    ports: [{ name: "tls", port: 15443 }],
  },
  ...(address === undefined ? {} : { status: { loadBalancer: { ingress: [{ ip: address }] } } }),
});
const gateway = (selector: Record<string, string>, mode: string, number = 15443): KubeObject => ({
  apiVersion: "networking.istio.io/v1",
  kind: "Gateway",
  metadata: { name: "cross-network-gateway", namespace: "istio-system" },
  spec: { selector, servers: [{ port: { number }, tls: { mode }, hosts: ["*.local"] }] },
});
const mesh = (
  gateways: readonly KubeObject[],
  networks: readonly [string, string] = ["n1", "n2"],
  address: string | undefined = "127.16.255.2",
): ClusterView[] => [
  { name: "fra", primary: "fra", network: networks[0], services: [service(networks[0], address)], gateways },
  {
    name: "ash",
    primary: "fra",
    network: networks[1],
    services: [service(networks[1], address)],
    gateways: [],
  },
];
const fitting = gateway({ istio: "eastwestgateway" }, "AUTO_PASSTHROUGH");

suite("checkExposure()", () => {
  const cases = [
    { what: "the primary's Gateway serves the gateways of both clusters", gateways: [fitting], found: 0 },
    { what: "no Gateway at all", gateways: [], found: 2 },
    {
      what: "another selector",
      gateways: [gateway({ istio: "ingressgateway" }, "AUTO_PASSTHROUGH")],
      found: 2,
    },
    { what: "another mode", gateways: [gateway({ istio: "eastwestgateway" }, "PASSTHROUGH")], found: 2 },
    {
      what: "another port",
      gateways: [gateway({ istio: "eastwestgateway" }, "AUTO_PASSTHROUGH", 443)],
      found: 2,
    },
  ];
  for (const { what, gateways, found } of cases) {
    test(`${what}: ${found} findings`, () => {
      assert.equal(checkExposure(mesh(gateways)).length, found);
    });
  }

  test("one network needs no exposure", () => {
    assert.deepEqual(checkExposure(mesh([], ["n1", "n1"])), []);
  });
});

suite("checkGatewayAddresses()", () => {
  test("a gateway that waits for its address is named, one that has it is not", () => {
    assert.equal(checkGatewayAddresses(mesh([fitting])).length, 0);
    const waiting = mesh([fitting]).map((one) => ({ ...one, services: [service(one.network ?? "")] }));
    assert.deepEqual(
      checkGatewayAddresses(waiting).map(({ code }) => code),
      Array(2).fill("network/gateway-without-address"),
    );
  });
});
