import assert from "node:assert/strict";
import { suite, test } from "vitest";
import type { Namespace, Service } from "../../kube/index.ts";
import type { InventoryCluster, WorkloadObject } from "./contracts.ts";
import { takeInventory } from "./take-inventory.ts";

function namespace(name: string, labels: Readonly<Record<string, string>> = {}): Namespace {
  return { apiVersion: "v1", kind: "Namespace", metadata: { name, labels } };
}

function deployment(
  name: string,
  where: string,
  labels: Readonly<Record<string, string>>,
  image = "app:1",
): WorkloadObject {
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name, namespace: where },
    spec: {
      replicas: 2,
      template: { metadata: { labels }, spec: { containers: [{ name, image }] } },
    },
    status: { readyReplicas: 1 },
  };
}

function service(name: string, where: string, spec: Service["spec"], more: Partial<Service> = {}): Service {
  return { apiVersion: "v1", kind: "Service", metadata: { name, namespace: where }, spec, ...more };
}

const cluster: InventoryCluster = {
  name: "east",
  primary: "east",
  served: ["east", "far"],
  trustDomain: "east.example",
  namespaces: [
    namespace("istio-system", { "topology.istio.io/network": "n1" }),
    namespace("shop", { "istio-injection": "enabled" }),
  ],
  services: [
    service("cart", "shop", { selector: { app: "cart" }, ports: [{ name: "http", port: 80 }] }),
    service(
      "gateway",
      "istio-system",
      { selector: { istio: "eastwestgateway" }, ports: [{ name: "tls", port: 15_443 }] },
      {
        metadata: {
          name: "gateway",
          namespace: "istio-system",
          labels: { "topology.istio.io/network": "n1" },
        },
        status: { loadBalancer: { ingress: [{ hostname: "lb.example.com" }] } },
      },
    ),
    service("kubernetes", "default", { ports: [{ port: 443 }] }),
  ],
  workloads: [
    deployment("istiod", "istio-system", { app: "istiod" }, "docker.io/istio/pilot:1.30.0"),
    deployment("cart", "shop", { app: "cart", version: "v1" }),
    deployment("coredns", "kube-system", {}),
  ],
  configMaps: [],
};
const relations = {
  owners: new Map([["east/shop", "shop"]]),
  hosts: new Map([["east/shop/cart", "cart.shop.global"]]),
};

suite("takeInventory()", () => {
  const found = new Map(takeInventory(cluster, relations).map((one) => [one.metadata.name, one]));

  test("GLOO-05 a control plane is listed with version, trust domain, network, gateways and whom it serves", () => {
    assert.deepEqual(found.get("istiod-istio-system-east")?.status, {
      version: "1.30.0",
      trustDomain: "east.example",
      network: "n1",
      ready: true,
      gateways: [
        {
          kind: "eastwest",
          namespace: "istio-system",
          name: "gateway",
          addresses: ["lb.example.com"],
          ports: [15_443],
        },
      ],
      clusters: ["east", "far"],
    });
  });

  test("workloads are listed with identity and workspace, Services with the workloads behind them", () => {
    assert.deepEqual(found.get("cart-shop-east-deployment")?.status, {
      ready: "1/2",
      injected: true,
      identities: ["spiffe://east.example/ns/shop/sa/default"],
      app: "cart",
      version: "v1",
      workspace: "shop",
    });
    assert.deepEqual(found.get("cart-shop-east")?.status, {
      ports: [{ port: 80, name: "http" }],
      workloads: ["cart"],
      workspace: "shop",
      globalHost: "cart.shop.global",
    });
  });

  test("what is Kubernetes' own is left out", () => {
    assert.deepEqual(
      [...found.keys()].filter((name) => /coredns|kubernetes/.test(name)),
      [],
    );
  });
});
