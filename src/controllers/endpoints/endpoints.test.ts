import assert from "node:assert/strict";
import { afterEach, beforeEach, suite, test } from "vitest";
import { type EndpointSlice, kinds, type Pod, type Service } from "../../kube/index.ts";
import { startTestCluster, type TestCluster } from "../test-support/test-cluster.ts";
import { type Endpoints, endpointsKind } from "./endpoints-object.ts";
import { startMirroredEndpoints, startServiceEndpoints } from "./start-endpoints.ts";

let cluster: TestCluster;
beforeEach(async () => {
  cluster = startTestCluster([startServiceEndpoints, startMirroredEndpoints]);
  await cluster.api.client.create(kinds.nodes, {
    apiVersion: "v1",
    kind: "Node",
    metadata: { name: "node-1", labels: { "topology.kubernetes.io/zone": "zone-a" } },
  });
});
afterEach(() => cluster.stop());

const service = (spec: Partial<Service["spec"]> = {}): Service => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { name: "web", namespace: "sample", labels: { team: "a" } },
  spec: {
    clusterIP: "127.16.128.1",
    selector: { app: "web" },
    ports: [{ name: "http", port: 80, targetPort: 8080, appProtocol: "http" }],
    ...spec,
  },
});
const createPod = async (
  name: string,
  ip: string,
  options: { ready?: boolean; port?: number; labels?: Record<string, string> } = {},
) => {
  const { ready = true, port = 8080, labels = { app: "web" } } = options;
  const pod = await cluster.api.client.create<Pod>(kinds.pods, {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace: "sample", labels },
    spec: {
      nodeName: "node-1",
      containers: [{ name: "app", ports: [{ name: "web", containerPort: port }] }],
    },
  });
  return cluster.run(pod, { ip, ready });
};
const slices = () => cluster.list(kinds.endpointSlices, "sample");
const rows = async () =>
  (await slices())
    .flatMap(({ endpoints }) => endpoints ?? [])
    .map(
      ({ addresses, conditions }) =>
        `${addresses[0]} ${conditions?.ready ? "ready" : "not ready"}${conditions?.terminating ? " terminating" : ""}`,
    )
    .sort();
const shows = (...expected: readonly string[]) =>
  cluster.eventually(async () =>
    JSON.stringify(await rows()) === JSON.stringify(expected) ? true : undefined,
  );
const endpoints = () => cluster.api.client.get(endpointsKind, "web", "sample");

suite("endpoints of a Service", () => {
  test("stand in a slice as Kubernetes writes it", async () => {
    const { metadata: owner } = await cluster.api.client.create(kinds.services, service());
    const pod = await createPod("a", "127.16.0.5");
    await shows("127.16.0.5 ready");
    const [slice, ...others] = await slices();
    assert.ok(slice);
    assert.deepEqual(others, []);
    assert.match(slice.metadata.name, /^web-[a-z0-9]{5}$/);
    assert.deepEqual(slice.metadata.labels, {
      team: "a",
      "kubernetes.io/service-name": "web",
      "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
    });
    assert.deepEqual(slice.metadata.ownerReferences, [
      {
        apiVersion: "v1",
        kind: "Service",
        name: "web",
        uid: owner.uid,
        controller: true,
        blockOwnerDeletion: true,
      },
    ]);
    assert.equal(slice.addressType, "IPv4");
    assert.deepEqual(slice.ports, [{ name: "http", port: 8080, protocol: "TCP", appProtocol: "http" }]);
    assert.deepEqual(slice.endpoints, [
      {
        addresses: ["127.16.0.5"],
        conditions: { ready: true, serving: true, terminating: false },
        nodeName: "node-1",
        zone: "zone-a",
        targetRef: { kind: "Pod", name: "a", namespace: "sample", uid: pod.metadata.uid },
      },
    ]);
  });

  test("follow readiness, labels and termination", async () => {
    await cluster.api.client.create(kinds.services, service());
    const a = await createPod("a", "127.16.0.5", { ready: false });
    await createPod("b", "127.16.0.6");
    await shows("127.16.0.5 not ready", "127.16.0.6 ready");
    await cluster.run(a);
    await shows("127.16.0.5 ready", "127.16.0.6 ready");
    await cluster.api.client.delete(kinds.pods, "a", { namespace: "sample" });
    await shows("127.16.0.5 not ready terminating", "127.16.0.6 ready");
    const terminating = (await slices())[0]?.endpoints?.find(
      ({ addresses }) => addresses[0] === "127.16.0.5",
    );
    assert.deepEqual(terminating?.conditions, { ready: false, serving: true, terminating: true });
    await cluster.api.client.delete(kinds.pods, "a", { namespace: "sample", gracePeriodSeconds: 0 });
    await shows("127.16.0.6 ready");
    await cluster.api.client.patch(
      kinds.pods,
      "b",
      { metadata: { labels: { app: "other" } } },
      { type: "merge", namespace: "sample" },
    );
    await shows();
    assert.equal((await slices()).length, 1, "an empty slice says that somebody looked");
  });

  test("a pod's change rewrites one slice and one Endpoints object, nothing else", async () => {
    await cluster.api.client.create(kinds.services, service());
    const pod = await createPod("a", "127.16.0.5");
    await shows("127.16.0.5 ready");
    await cluster.quiet();
    const before = cluster.api.writes.length;
    await cluster.run(pod, { ready: false });
    await shows("127.16.0.5 not ready");
    await cluster.quiet();
    assert.equal(cluster.api.writes.length - before, 3);
  });

  test("named target ports are looked up on each pod, and pods with different ones stand in different slices", async () => {
    await cluster.api.client.create(kinds.services, service({ ports: [{ port: 80, targetPort: "web" }] }));
    await createPod("a", "127.16.0.5", { port: 8080 });
    await createPod("b", "127.16.0.6", { port: 9090 });
    await shows("127.16.0.5 ready", "127.16.0.6 ready");
    const ports = (await slices()).map((slice) => slice.ports?.[0]?.port).sort();
    assert.deepEqual(ports, [8080, 9090]);
    const subsets = (
      await cluster.eventually(async () =>
        (await endpoints())?.subsets?.length === 2 ? endpoints() : undefined,
      )
    )?.subsets;
    assert.deepEqual(subsets?.map((subset) => subset.ports?.[0]?.port).sort(), [8080, 9090]);
  });

  test("publishNotReadyAddresses makes every pod ready, and headless Services are labelled", async () => {
    await cluster.api.client.create(
      kinds.services,
      service({ clusterIP: "None", publishNotReadyAddresses: true }),
    );
    await createPod("a", "127.16.0.5", { ready: false });
    await shows("127.16.0.5 ready");
    assert.equal((await slices())[0]?.metadata.labels?.["service.kubernetes.io/headless"], "");
  });

  test("more than a hundred are spread over slices", async () => {
    for (let i = 0; i < 130; i++) await createPod(`p${i}`, `127.16.1.${i}`);
    await cluster.api.client.create(kinds.services, service());
    await cluster.eventually(async () => ((await rows()).length === 130 ? true : undefined));
    assert.deepEqual((await slices()).map((slice) => slice.endpoints?.length).sort(), [100, 30]);
  });

  test("show as v1 Endpoints too, and go with the Service", async () => {
    await cluster.api.client.create(kinds.services, service());
    await createPod("a", "127.16.0.5");
    await createPod("b", "127.16.0.6", { ready: false });
    const found = await cluster.eventually(async () => {
      const object = await endpoints();
      return object?.subsets?.[0]?.notReadyAddresses?.length === 1 &&
        object.subsets[0].addresses?.length === 1
        ? object
        : undefined;
    });
    assert.deepEqual(
      found.subsets?.[0]?.addresses?.map(({ ip }) => ip),
      ["127.16.0.5"],
    );
    assert.deepEqual(
      found.subsets?.[0]?.notReadyAddresses?.map(({ ip }) => ip),
      ["127.16.0.6"],
    );
    assert.equal((await slices()).length, 1, "the controller's own Endpoints object is not mirrored");
    await cluster.api.client.delete(kinds.services, "web", { namespace: "sample" });
    await cluster.eventually(async () => ((await endpoints()) === undefined ? true : undefined));
  });

  test("a slice that somebody deleted comes back", async () => {
    await cluster.api.client.create(kinds.services, service());
    await createPod("a", "127.16.0.5");
    await shows("127.16.0.5 ready");
    const [slice] = await slices();
    await cluster.api.client.delete(kinds.endpointSlices, slice?.metadata.name ?? "", {
      namespace: "sample",
    });
    await cluster.eventually(
      async () =>
        (((await slices())[0]?.metadata.uid !== slice?.metadata.uid || undefined) &&
          (await rows()).length === 1) ||
        undefined,
    );
  });

  test("no selector and ExternalName: none are made", async () => {
    const { selector: _, ...plain } = service().spec;
    await cluster.api.client.create(kinds.services, { ...service(), spec: plain });
    await cluster.api.client.create(kinds.services, {
      ...service({ type: "ExternalName", externalName: "example.com" }),
      metadata: { name: "external", namespace: "sample" },
    });
    await createPod("a", "127.16.0.5");
    await cluster.quiet();
    assert.deepEqual(await slices(), []);
  });
});

suite("hand-made Endpoints of a Service without selector", () => {
  const handMade = (labels: Record<string, string> = {}): Endpoints => ({
    apiVersion: "v1",
    kind: "Endpoints",
    metadata: { name: "web", namespace: "sample", labels },
    subsets: [
      {
        addresses: [{ ip: "127.17.0.9" }],
        notReadyAddresses: [{ ip: "127.17.0.10" }],
        ports: [{ name: "http", port: 15012 }],
      },
    ],
  });
  const { selector: _, ...spec } = service().spec;
  const plain: Service = { ...service(), spec };

  test("are mirrored, followed, and taken back with the Endpoints object", async () => {
    await cluster.api.client.create(kinds.services, plain);
    await cluster.api.client.create(endpointsKind, handMade());
    await shows("127.17.0.10 not ready", "127.17.0.9 ready");
    const [slice] = await slices();
    assert.equal(
      slice?.metadata.labels?.["endpointslice.kubernetes.io/managed-by"],
      "endpointslicemirroring-controller.k8s.io",
    );
    assert.deepEqual(slice?.ports, [{ name: "http", port: 15012, protocol: "TCP" }]);
    await cluster.api.client.patch(
      endpointsKind,
      "web",
      { subsets: [{ addresses: [{ ip: "127.17.0.11" }], ports: [{ name: "http", port: 15012 }] }] },
      { type: "merge", namespace: "sample" },
    );
    await shows("127.17.0.11 ready");
    await cluster.api.client.delete(endpointsKind, "web", { namespace: "sample" });
    await cluster.eventually(async () => ((await slices()).length === 0 ? true : undefined));
  });

  test("are left alone when they say skip-mirror", async () => {
    await cluster.api.client.create(kinds.services, plain);
    await cluster.api.client.create(
      endpointsKind,
      handMade({ "endpointslice.kubernetes.io/skip-mirror": "true" }),
    );
    await cluster.quiet();
    assert.deepEqual(await slices(), [] as EndpointSlice[]);
  });
});
