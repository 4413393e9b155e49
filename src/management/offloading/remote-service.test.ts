import assert from "node:assert/strict";
import { suite, test } from "vitest";
import type { EndpointSlice, Service } from "../../kube/index.ts";
import { remoteService, remoteSlice } from "./remote-service.ts";

const marks = { "offloading.liqo.io/origin": "consumer", "offloading.liqo.io/destination": "provider1" };
const service = (spec: Service["spec"], annotations: Record<string, string> = {}): Service => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { name: "s0", namespace: "shop", uid: "u1", labels: { app: "s0" }, annotations },
  spec,
});

suite("the Service in the provider", () => {
  const spec = {
    type: "NodePort" as const,
    clusterIP: "127.16.128.5",
    clusterIPs: ["127.16.128.5"],
    ipFamilies: ["IPv4"],
    selector: { app: "s0" },
    ports: [{ name: "http", port: 80, targetPort: 8080, nodePort: 30080 }],
    sessionAffinity: "None",
  };

  test("has the selector and ports of the one at home, and no address of it", () => {
    assert.deepEqual(remoteService(service(spec), "consumer", "provider1"), {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "s0", namespace: "shop", labels: { app: "s0", ...marks }, annotations: {} },
      spec: {
        type: "NodePort",
        selector: { app: "s0" },
        ports: [{ name: "http", port: 80, targetPort: 8080 }],
        sessionAffinity: "None",
      },
    });
  });

  test("keeps node ports when it is asked to, and having none of its own", () => {
    const kept = remoteService(
      service(spec, { "liqo.io/force-remote-node-port": "true" }),
      "consumer",
      "provider1",
    );
    assert.equal(kept.spec.ports?.[0]?.nodePort, 30080);
    const headless = remoteService(service({ ...spec, clusterIP: "None" }), "consumer", "provider1");
    assert.equal(headless.spec.clusterIP, "None");
  });
});

suite("the slice in the provider", () => {
  const slice = (
    nodes: readonly (string | undefined)[],
    labels = { "kubernetes.io/service-name": "s0" },
  ): EndpointSlice => ({
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { name: "s0-abc", namespace: "shop", labels },
    addressType: "IPv4",
    ports: [{ name: "", port: 8080, protocol: "TCP" }],
    endpoints: nodes.map((nodeName, i) => ({
      addresses: [`127.16.0.${i + 1}`],
      zone: "here",
      targetRef: { kind: "Pod", name: `p${i}` },
      ...(nodeName === undefined ? {} : { nodeName }),
    })),
  });
  const options = {
    home: "consumer",
    provider: "provider1",
    isThere: (node: string) => node === "provider1",
  };

  test("has every endpoint but those that run there: each pod is known once", () => {
    const made = remoteSlice(slice(["consumer-1", "provider1", "provider2", undefined]), options);
    assert.deepEqual(
      made?.endpoints?.map(({ addresses }) => addresses[0]),
      ["127.16.0.1", "127.16.0.3", "127.16.0.4"],
    );
    assert.deepEqual(made?.endpoints?.[0], { addresses: ["127.16.0.1"], zone: "here", nodeName: "consumer" });
    assert.equal(made?.metadata.name, "s0-abc-consumer");
    assert.deepEqual(made?.metadata.labels, {
      "kubernetes.io/service-name": "s0",
      "endpointslice.kubernetes.io/managed-by": "endpointslice.reflection.liqo.io",
      ...marks,
    });
  });

  const none = [
    { because: "all of its pods run there", of: slice(["provider1"]) },
    { because: "it has no endpoints", of: slice([]) },
    { because: "it is of no Service", of: slice(["consumer-1"], {} as never) },
  ];
  for (const { because, of } of none)
    test(`is not made when ${because}`, () => assert.equal(remoteSlice(of, options), undefined));
});
