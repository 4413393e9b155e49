import assert from "node:assert/strict";
import { suite, test } from "vitest";
import type { Pod } from "../../kube/index.ts";
import { missingEphemeralContainers, remotePod, remotePodPatch } from "./remote-pod.ts";

const route = { home: "consumer", provider: "provider1", node: "provider1" };
const pod: Pod = {
  apiVersion: "v1",
  kind: "Pod",
  metadata: {
    name: "web-0",
    namespace: "shop",
    uid: "u1",
    resourceVersion: "7",
    labels: { app: "web" },
    annotations: {
      "sidecar.istio.io/status": "{}",
      "kubectl.kubernetes.io/last-applied-configuration": "{}",
    },
    ownerReferences: [{ apiVersion: "apps/v1", kind: "StatefulSet", name: "web", uid: "s1" }],
    finalizers: ["example.com/keep"],
  },
  spec: {
    nodeName: "provider1",
    nodeSelector: { "topology.kubernetes.io/zone": "provider1" },
    affinity: { nodeAffinity: {} },
    serviceAccountName: "web",
    serviceAccount: "web",
    schedulerName: "default-scheduler",
    priority: 10,
    priorityClassName: "high",
    hostNetwork: true,
    hostname: "web-0",
    subdomain: "web",
    readinessGates: [{ conditionType: "example.com/gate" }],
    terminationGracePeriodSeconds: 5,
    tolerations: [
      { key: "virtual-node.liqo.io/not-allowed", operator: "Exists", effect: "NoExecute" },
      { key: "spot", operator: "Exists" },
    ],
    containers: [{ name: "web", image: "web:1", env: [{ name: "A", value: "b" }] }],
    volumes: [{ name: "token", projected: {} }],
  },
};
const marks = {
  "offloading.liqo.io/origin": "consumer",
  "offloading.liqo.io/destination": "provider1",
  "offloading.liqo.io/nodename": "provider1",
};

suite("a reflected pod", () => {
  test("is the pod at home without its place there, and says where that is", () => {
    assert.deepEqual(remotePod(pod, route), {
      apiVersion: "v1",
      kind: "Pod",
      metadata: {
        name: "web-0",
        namespace: "shop",
        labels: { app: "web", ...marks },
        annotations: { "sidecar.istio.io/status": "{}", "isthmus.dev/home-uid": "u1" },
      },
      spec: {
        serviceAccountName: "web",
        automountServiceAccountToken: false,
        hostname: "web-0",
        subdomain: "web",
        terminationGracePeriodSeconds: 5,
        tolerations: [{ key: "spot", operator: "Exists" }],
        containers: pod.spec.containers,
        volumes: pod.spec.volumes,
      },
    });
  });

  test("goes where the VirtualNode's offloadingPatch says", () => {
    const affinity = { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: {} } };
    const patch = { nodeSelector: { gpu: "yes" }, tolerations: [{ key: "gpu" }], affinity };
    const { spec } = remotePod(pod, { ...route, patch });
    assert.deepEqual(spec.nodeSelector, { gpu: "yes" });
    assert.deepEqual(spec.tolerations?.at(-1), { key: "gpu" });
    assert.deepEqual(spec.affinity, affinity);
  });

  test("follows labels, annotations and images; annotations of others stay, labels of others go", () => {
    const remote = remotePod(pod, route);
    const seen: Pod = {
      ...remote,
      metadata: {
        ...remote.metadata,
        labels: { ...remote.metadata.labels, stale: "yes" },
        annotations: { ...remote.metadata.annotations, note: "of the provider's" },
      },
    };
    const changed: Pod = {
      ...pod,
      metadata: { ...pod.metadata, labels: { app: "web", version: "2" } },
      spec: { ...pod.spec, containers: [{ name: "web", image: "web:2" }] },
    };
    assert.deepEqual(remotePodPatch(changed, seen, route), {
      metadata: { labels: { version: "2", stale: null }, annotations: {} },
      spec: { containers: [{ name: "web", image: "web:2" }] },
    });
    assert.equal(remotePodPatch(pod, remote, route), undefined);
  });

  test("gets the ephemeral containers that it lacks", () => {
    const debugged: Pod = {
      ...pod,
      spec: { ...pod.spec, ephemeralContainers: [{ name: "a" }, { name: "b" }] },
    };
    const remote = remotePod(debugged, route);
    assert.equal(remote.spec.ephemeralContainers, undefined);
    const half: Pod = { ...remote, spec: { ...remote.spec, ephemeralContainers: [{ name: "a" }] } };
    assert.deepEqual(missingEphemeralContainers(debugged, half), [{ name: "b" }]);
  });
});
