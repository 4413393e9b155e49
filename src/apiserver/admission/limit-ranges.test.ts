import assert from "node:assert/strict";
import { suite, test } from "vitest";
import { type Container, type Kind, kinds, type Pod } from "../../kube/index.ts";
import { refusalOf, useApiServer } from "../test-support/api-harness.ts";

const api = useApiServer();
const limitRanges: Kind = {
  group: "",
  version: "v1",
  kind: "LimitRange",
  plural: "limitranges",
  namespaced: true,
};
const claims: Kind = {
  group: "",
  version: "v1",
  kind: "PersistentVolumeClaim",
  plural: "persistentvolumeclaims",
  namespaced: true,
};

async function namespaceWith(...limits: readonly object[]): Promise<string> {
  const namespace = await api.freshNamespace();
  await api.client.create(limitRanges, {
    apiVersion: "v1",
    kind: "LimitRange",
    metadata: { name: "l", namespace },
    spec: { limits },
  });
  return namespace;
}

const createPod = (
  namespace: string,
  resources: Container["resources"] = {},
  more: Partial<Pod["spec"]> = {},
) =>
  api.client.create(kinds.pods, {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "p", namespace },
    spec: { containers: [{ name: "app", image: "i", resources }], ...more },
  } as Pod);

suite("limit ranges", () => {
  test("give containers what they do not say themselves, and note that on the pod", async () => {
    const namespace = await namespaceWith({
      type: "Container",
      default: { cpu: "1", memory: "512Mi" },
      defaultRequest: { cpu: "500m", memory: "256Mi" },
    });
    const init = [{ name: "set-up", image: "i" }];
    const pod = await createPod(namespace, { requests: { cpu: "100m" } }, { initContainers: init });
    assert.deepEqual(pod.spec.containers[0]?.resources, {
      requests: { cpu: "100m", memory: "256Mi" },
      limits: { cpu: "1", memory: "512Mi" },
    });
    assert.deepEqual(pod.spec.initContainers?.[0]?.resources?.requests, { cpu: "500m", memory: "256Mi" });
    assert.equal(
      pod.metadata.annotations?.["kubernetes.io/limit-ranger"],
      "LimitRanger plugin set: memory request for container app; cpu, memory limit for container app; cpu, memory request for init container set-up; cpu, memory limit for init container set-up",
    );
  });

  test("take the defaults that they do not name from their bounds", async () => {
    const namespace = await namespaceWith({ type: "Container", max: { cpu: "2" }, min: { memory: "64Mi" } });
    const range = await api.client.get(limitRanges, "l", namespace);
    assert.deepEqual((range?.["spec"] as { readonly limits: readonly object[] } | undefined)?.limits, [
      {
        type: "Container",
        max: { cpu: "2" },
        min: { memory: "64Mi" },
        default: { cpu: "2" },
        defaultRequest: { cpu: "2", memory: "64Mi" },
      },
    ]);
  });

  const cases: readonly (readonly [limit: object, resources: Container["resources"], says: string])[] = [
    [
      { type: "Container", max: { memory: "1Gi" } },
      { limits: { memory: "1536Mi" } },
      "maximum memory usage per Container is 1Gi, but limit is 1536Mi",
    ],
    [
      { type: "Container", min: { memory: "500Mi" } },
      { limits: { memory: "800Mi" }, requests: { memory: "100Mi" } },
      "minimum memory usage per Container is 500Mi, but request is 100Mi",
    ],
    [
      { type: "Container", maxLimitRequestRatio: { cpu: "2" } },
      { limits: { cpu: "1" }, requests: { cpu: "100m" } },
      "cpu max limit to request ratio per Container is 2, but provided ratio is 10.000000",
    ],
    [
      { type: "Container", maxLimitRequestRatio: { cpu: "2" } },
      {},
      "cpu max limit to request ratio per Container is 2, but no request is specified or request is 0",
    ],
    [{ type: "Pod", max: { cpu: "1" } }, {}, "maximum cpu usage per Pod is 1.  No limit is specified"],
    [
      { type: "Pod", max: { cpu: "1" }, min: { memory: "1Mi" } },
      { limits: { cpu: "1100m" } },
      "[minimum memory usage per Pod is 1Mi.  No request is specified, maximum cpu usage per Pod is 1, but limit is 1100m]",
    ],
  ];
  for (const [limit, resources, says] of cases)
    test(`refuse a pod: ${says}`, async () => {
      const namespace = await namespaceWith(limit);
      const refused = await refusalOf(createPod(namespace, resources));
      assert.deepEqual([refused.code, refused.message], [403, `pods "p" is forbidden: ${says}`]);
    });

  test("bound the storage of claims", async () => {
    const namespace = await namespaceWith({
      type: "PersistentVolumeClaim",
      min: { storage: "1Gi" },
      max: { storage: "2Gi" },
    });
    const claim = (storage: string) =>
      api.client.create(claims, {
        apiVersion: "v1",
        kind: "PersistentVolumeClaim",
        metadata: { name: `c${storage.toLowerCase()}`, namespace },
        spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage } } },
      });
    await claim("1Gi");
    assert.match(
      (await refusalOf(claim("500Mi"))).message ?? "",
      /minimum storage usage per PersistentVolumeClaim is 1Gi, but request is 500Mi$/,
    );
    assert.match(
      (await refusalOf(claim("3Gi"))).message ?? "",
      /maximum storage usage per PersistentVolumeClaim is 2Gi, but request is 3Gi$/,
    );
  });

  const wrong: readonly (readonly [limit: object, says: string])[] = [
    [
      {
        type: "Container",
        max: { cpu: "1" },
        min: { cpu: "2" },
        default: { cpu: "1" },
        defaultRequest: { cpu: "1" },
      },
      'spec.limits[0].min[cpu]: Invalid value: "2": min value 2 is greater than max value 1',
    ],
    [
      { type: "Container", default: { memory: "256Mi" }, defaultRequest: { memory: "512Mi" } },
      'spec.limits[0].defaultRequest[memory]: Invalid value: "512Mi": default request value 512Mi is greater than default limit value 256Mi',
    ],
    [
      { type: "Pod", default: { cpu: "1" } },
      "spec.limits[0].default: Forbidden: may not be specified when `type` is 'Pod'",
    ],
    [{ type: "Thing", max: { cpu: "1" } }, 'spec.limits[0].type: Unsupported value: "Thing"'],
  ];
  for (const [limit, says] of wrong)
    test(`are refused when they make no sense: ${says}`, async () => {
      const refused = await refusalOf(namespaceWith(limit));
      assert.equal(refused.code, 422);
      assert.ok(refused.message?.includes(says), refused.message);
    });
});
