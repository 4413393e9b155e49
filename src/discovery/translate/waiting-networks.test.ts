import assert from "node:assert/strict";
import { suite, test } from "vitest";
import { collectNetworkGateways } from "./network-gateways.ts";
import { objectsOf } from "./test-support/make-world.ts";

const service = (name: string, type: string, ingress: string) => `
apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: istio-system, labels: { topology.istio.io/network: network2 } }
spec: { type: ${type}, ports: [{ name: tls, port: 15443 }] }
status: { loadBalancer: { ingress: ${ingress} } }
---
`;

suite("networks whose gateways wait for an address", () => {
  const cases: readonly { readonly what: string; readonly objects: string; readonly waits: boolean }[] = [
    { what: "a load balancer without an address", objects: service("a", "LoadBalancer", "[]"), waits: true },
    {
      what: "one with a host name that has no address yet",
      objects: service("a", "LoadBalancer", "[{ hostname: lb.example.com }]"),
      waits: true,
    },
    {
      what: "a load balancer with an address",
      objects: service("a", "LoadBalancer", "[{ ip: 192.0.2.1 }]"),
      waits: false,
    },
    {
      what: "two gateways, one of them with an address",
      objects: service("a", "LoadBalancer", "[]") + service("b", "LoadBalancer", "[{ ip: 192.0.2.1 }]"),
      waits: false,
    },
    { what: "a Service that never gets an address", objects: service("a", "ClusterIP", "[]"), waits: false },
    {
      what: "a load balancer without the cross-network port",
      objects: service("a", "LoadBalancer", "[]").replace("15443", "443"),
      waits: false,
    },
    { what: "no gateway at all", objects: "", waits: false },
  ];
  for (const { what, objects, waits } of cases)
    test(`${what}: ${waits ? "endpoints are withheld" : "as istiod has it"}`, () => {
      const gateways = collectNetworkGateways(objectsOf(objects), {});
      assert.equal(gateways.isWaiting("network2"), waits);
      assert.equal(gateways.isWaiting("network1"), false);
      // What is made of the gateways is made anew when this changes.
      assert.equal(gateways.key.includes("network2 is waiting"), waits);
    });
});
