import assert from "node:assert/strict";
import { suite, test } from "vitest";
import type { KubeObject } from "../object.ts";
import type { Container, Pod, PodSpec } from "../types.ts";
import { formatResourceList, podLimits, podRequests } from "./pod-resources.ts";
import { isInScope, type QuotaScopes } from "./quota-scopes.ts";
import { quotaResource, quotaUsage, unstatedResources } from "./quota-usage.ts";

const container = (
  name: string,
  requests: Record<string, string>,
  limits: Record<string, string> = {},
  restartPolicy?: string,
): Container => ({
  name,
  resources: { requests, limits },
  ...(restartPolicy === undefined ? {} : { restartPolicy }),
});
const podOf = (spec: PodSpec, rest: Partial<Pod> = {}): Pod => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "p" },
  spec,
  ...rest,
});
const objectOf = (kind: string, spec: object, metadata = {}): KubeObject => ({
  apiVersion: "v1",
  kind,
  metadata: { name: "x", ...metadata },
  spec,
});
const usageOf = (resource: string, object: KubeObject, now = 0) =>
  formatResourceList(quotaUsage(resource, object, now));

suite("podRequests() and podLimits()", () => {
  const spec: PodSpec = {
    containers: [container("a", { cpu: "100m", memory: "64Mi" }, { cpu: "1" }), container("b", { cpu: "1" })],
    initContainers: [
      container("first", { cpu: "2" }),
      container("proxy", { cpu: "200m" }, {}, "Always"),
      container("second", { memory: "1Gi" }, { cpu: "3" }),
    ],
    overhead: { cpu: "10m" },
  };

  test("take the sum of containers and sidecars or the largest init container, whichever is more", () => {
    assert.deepEqual(formatResourceList(podRequests(spec)), { cpu: "2010m", memory: "1Gi" });
    assert.deepEqual(formatResourceList(podLimits(spec)), { cpu: "3010m" });
  });
});

suite("quotaResource()", () => {
  const cases: readonly (readonly [name: string, resource: string | undefined])[] = [
    ["pods", "pods"],
    ["cpu", "pods"],
    ["requests.memory", "pods"],
    ["limits.ephemeral-storage", "pods"],
    ["requests.nvidia.com/gpu", "pods"],
    ["hugepages-2Mi", "pods"],
    ["requests.storage", "persistentvolumeclaims"],
    ["gold.storageclass.storage.k8s.io/requests.storage", "persistentvolumeclaims"],
    ["services.nodeports", "services"],
    ["count/deployments.apps", "deployments.apps"],
    ["configmaps", "configmaps"],
    ["deployments", undefined],
    ["limits.nvidia.com/gpu", undefined],
  ];
  for (const [name, resource] of cases)
    test(`${name} is about ${resource ?? "nothing"}`, () => assert.equal(quotaResource(name), resource));
});

suite("quotaUsage()", () => {
  test("counts a pod with what it requests and is limited to", () => {
    const pod = podOf({
      containers: [container("a", { cpu: "500m", "nvidia.com/gpu": "1" }, { memory: "1Gi" })],
    });
    assert.deepEqual(usageOf("pods", pod), {
      "count/pods": "1",
      pods: "1",
      cpu: "500m",
      "requests.cpu": "500m",
      "requests.nvidia.com/gpu": "1",
      "limits.memory": "1Gi",
    });
  });

  const gone = { deletionTimestamp: "1970-01-01T00:01:00Z", deletionGracePeriodSeconds: 30 };
  const over: readonly (readonly [title: string, rest: Partial<Pod>, now: number, counts: boolean])[] = [
    ["that has succeeded", { status: { phase: "Succeeded" } }, 0, false],
    ["that is ending", { metadata: { name: "p", ...gone } }, 60_000, true],
    ["that should be gone", { metadata: { name: "p", ...gone } }, 91_000, false],
  ];
  for (const [title, rest, now, counts] of over)
    test(`counts a pod ${title} ${counts ? "in full" : "as an object only"}`, () => {
      const usage = usageOf("pods", podOf({ containers: [] }, rest), now);
      assert.deepEqual(usage, counts ? { "count/pods": "1", pods: "1" } : { "count/pods": "1" });
    });

  const services: readonly (readonly [spec: object, nodePorts: string, balancers: string])[] = [
    [{ type: "ClusterIP", ports: [{}, {}] }, "0", "0"],
    [{ type: "NodePort", ports: [{}, {}] }, "2", "0"],
    [{ type: "LoadBalancer", ports: [{}] }, "1", "1"],
    [
      { type: "LoadBalancer", allocateLoadBalancerNodePorts: false, ports: [{ nodePort: 30000 }, {}] },
      "1",
      "1",
    ],
  ];
  for (const [spec, nodePorts, balancers] of services)
    test(`counts ${nodePorts} node ports and ${balancers} load balancers of ${JSON.stringify(spec)}`, () => {
      assert.deepEqual(usageOf("services", objectOf("Service", spec)), {
        "count/services": "1",
        services: "1",
        "services.nodeports": nodePorts,
        "services.loadbalancers": balancers,
      });
    });

  test("counts a claim as a whole and of its class", () => {
    const spec = { storageClassName: "gold", resources: { requests: { storage: "1.5Gi" } } };
    const claim = usageOf("persistentvolumeclaims", objectOf("PersistentVolumeClaim", spec));
    assert.equal(claim["requests.storage"], "1536Mi");
    assert.equal(claim["gold.storageclass.storage.k8s.io/requests.storage"], "1536Mi");
    assert.equal(claim["gold.storageclass.storage.k8s.io/persistentvolumeclaims"], "1");
  });

  test("counts anything else as one", () => {
    assert.deepEqual(usageOf("deployments.apps", objectOf("Deployment", {})), {
      "count/deployments.apps": "1",
    });
    assert.deepEqual(usageOf("secrets", objectOf("Secret", {})), { "count/secrets": "1", secrets: "1" });
  });
});

suite("unstatedResources()", () => {
  test("names every container that does not say what a quota counts", () => {
    const pod = podOf({
      containers: [container("b", { cpu: "1" }, {}), container("a", {}, { memory: "1Gi" })],
    });
    assert.equal(
      unstatedResources(["requests.cpu", "limits.memory", "pods", "requests.ephemeral-storage"], pod),
      "must specify limits.memory for: b; requests.cpu for: a",
    );
    assert.equal(unstatedResources(["pods"], pod), undefined);
  });
});

suite("isInScope()", () => {
  const plain = podOf({ containers: [{ name: "a" }] });
  const asking = podOf({ containers: [container("a", { cpu: "1" })] });
  const ending = podOf({ containers: [], activeDeadlineSeconds: 5 });
  const important = podOf({ containers: [], priorityClassName: "high" });
  const term = { topologyKey: "zone", namespaces: ["other"] };
  const afar = podOf({
    containers: [],
    affinity: { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term] } },
  });
  const ofClass = (operator: string, ...values: string[]): QuotaScopes => ({
    scopeSelector: { matchExpressions: [{ scopeName: "PriorityClass", operator, values }] },
  });
  const cases: readonly (readonly [title: string, scopes: QuotaScopes, pod: Pod, isIn: boolean])[] = [
    ["best effort", { scopes: ["BestEffort"] }, plain, true],
    ["best effort", { scopes: ["BestEffort"] }, asking, false],
    ["not best effort", { scopes: ["NotBestEffort"] }, asking, true],
    ["terminating", { scopes: ["Terminating"] }, ending, true],
    ["not terminating and best effort", { scopes: ["NotTerminating", "BestEffort"] }, ending, false],
    ["of a class", ofClass("In", "high"), important, true],
    ["of another class", ofClass("NotIn", "high"), important, false],
    ["of no class", ofClass("DoesNotExist"), plain, true],
    ["with an affinity to another namespace", { scopes: ["CrossNamespacePodAffinity"] }, afar, true],
    ["with an affinity to another namespace", { scopes: ["CrossNamespacePodAffinity"] }, plain, false],
  ];
  for (const [title, scopes, pod, isIn] of cases)
    test(`a pod ${title}: ${isIn}`, () => assert.equal(isInScope(scopes, "pods", pod), isIn));

  test("a scope leaves out whatever is no pod", () => {
    assert.equal(isInScope({ scopes: ["BestEffort"] }, "services", objectOf("Service", {})), false);
    assert.equal(isInScope({}, "services", objectOf("Service", {})), true);
  });
});
