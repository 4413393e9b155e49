import assert from "node:assert/strict";
import { suite, test } from "vitest";
import {
  type Container,
  type Kind,
  type KubeObject,
  kinds,
  type Pod,
  type Service,
} from "../../kube/index.ts";
import { configMap, refusalOf, useApiServer } from "../test-support/api-harness.ts";

const api = useApiServer();
const quotas: Kind = {
  group: "",
  version: "v1",
  kind: "ResourceQuota",
  plural: "resourcequotas",
  namespaced: true,
};

/** A namespace with a quota "q" whose status a controller has written: nothing used. */
async function namespaceWith(hard: Record<string, string>, spec: object = {}): Promise<string> {
  const namespace = await api.freshNamespace();
  const created = await api.client.create(quotas, {
    apiVersion: "v1",
    kind: "ResourceQuota",
    metadata: { name: "q", namespace },
    spec: { hard, ...spec },
  });
  const used = Object.fromEntries(Object.keys(hard).map((name) => [name, "0"]));
  await api.client.replace(quotas, { ...created, status: { hard, used } }, "status");
  return namespace;
}

const pod = (namespace: string, name: string, resources: Container["resources"] = {}): Pod => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name, namespace },
  spec: { containers: [{ name: "app", image: "i", resources }] },
});

const used = async (namespace: string) => {
  const quota: KubeObject | undefined = await api.client.get(quotas, "q", namespace);
  assert.ok(quota);
  return (quota["status"] as { readonly used: Readonly<Record<string, string>> }).used;
};

suite("quotas", () => {
  test("count what is stored and refuse what is too much, naming request, use and limit", async () => {
    const namespace = await namespaceWith({ "requests.cpu": "1", "limits.memory": "1Gi", pods: "10" });
    const resources = { requests: { cpu: "600m" }, limits: { memory: "256Mi" } };
    await api.client.create(kinds.pods, pod(namespace, "a", resources));
    assert.deepEqual(await used(namespace), { "requests.cpu": "600m", "limits.memory": "256Mi", pods: "1" });
    const refused = await refusalOf(api.client.create(kinds.pods, pod(namespace, "b", resources)));
    assert.deepEqual(
      [refused.code, refused.reason, refused.message],
      [
        403,
        "Forbidden",
        'pods "b" is forbidden: exceeded quota: q, requested: requests.cpu=600m, used: requests.cpu=600m, limited: requests.cpu=1',
      ],
    );
    assert.equal((await used(namespace))["pods"], "1");
  });

  test("want every container to say what they count", async () => {
    const namespace = await namespaceWith({ "requests.cpu": "1", "limits.cpu": "2" });
    const refused = await refusalOf(api.client.create(kinds.pods, pod(namespace, "a")));
    assert.equal(
      refused.message,
      'pods "a" is forbidden: failed quota: q: must specify limits.cpu for: app; requests.cpu for: app',
    );
  });

  test("are never overdrawn, however many come at once", async () => {
    const namespace = await namespaceWith({ pods: "5" });
    const results = await Promise.allSettled(
      Array.from({ length: 20 }, (_, i) => api.client.create(kinds.pods, pod(namespace, `p${i}`))),
    );
    assert.equal(results.filter(({ status }) => status === "fulfilled").length, 5);
    assert.equal((await used(namespace))["pods"], "5");
  });

  test("count any kind as count/RESOURCE.GROUP, and some by their own name", async () => {
    const namespace = await namespaceWith({ "count/configmaps": "1", configmaps: "3" });
    await api.client.create(kinds.configMaps, configMap(namespace, "a"));
    const refused = await refusalOf(api.client.create(kinds.configMaps, configMap(namespace, "b")));
    assert.match(
      refused.message ?? "",
      /exceeded quota: q, requested: count\/configmaps=1, used: count\/configmaps=1, limited: count\/configmaps=1$/,
    );
  });

  test("charge a Service that becomes a load balancer for what it grows by", async () => {
    const namespace = await namespaceWith({ "services.loadbalancers": "0", services: "1" });
    const service: Service = {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "s", namespace },
      spec: { ports: [{ port: 80 }] },
    };
    await api.client.create(kinds.services, service);
    const patch = { spec: { type: "LoadBalancer" } };
    const refused = await refusalOf(
      api.client.patch(kinds.services, "s", patch, { type: "merge", namespace }),
    );
    assert.match(
      refused.message ?? "",
      /requested: services.loadbalancers=1, used: services.loadbalancers=0/,
    );
    await api.client.patch(kinds.services, "s", { spec: { type: "NodePort" } }, { type: "merge", namespace });
    assert.equal((await used(namespace))["services"], "1");
  });

  test("leave out pods that are not in their scope", async () => {
    const namespace = await namespaceWith({ pods: "0" }, { scopes: ["BestEffort"] });
    await api.client.create(kinds.pods, pod(namespace, "a", { requests: { cpu: "1m" } }));
    const refused = await refusalOf(api.client.create(kinds.pods, pod(namespace, "b")));
    assert.match(
      refused.message ?? "",
      /exceeded quota: q, requested: pods=1, used: pods=0, limited: pods=0/,
    );
  });

  test("count nothing for a dry run", async () => {
    const namespace = await namespaceWith({ pods: "1" });
    const answer = await api.send({
      method: "POST",
      path: `/api/v1/namespaces/${namespace}/pods`,
      query: new URLSearchParams({ dryRun: "All" }),
      body: pod(namespace, "a"),
    });
    assert.equal(answer.status, 201);
    assert.equal((await used(namespace))["pods"], "0");
  });

  test("are in the way while their use is unknown", async () => {
    const namespace = await namespaceWith({ pods: "1" });
    const quota = await api.client.get(quotas, "q", namespace);
    assert.ok(quota);
    await api.client.replace(quotas, { ...quota, status: { hard: { pods: "1" } } }, "status");
    const refused = await refusalOf(api.client.create(kinds.pods, pod(namespace, "a")));
    assert.match(refused.message ?? "", /status unknown for quota: q, resources: pods$/);
  });

  const wrong: readonly (readonly [hard: Record<string, string>, spec: object, says: string])[] = [
    [
      { nonsense: "1" },
      {},
      'spec.hard[nonsense]: Invalid value: "nonsense": must be a standard resource type or fully qualified',
    ],
    [{ pods: "1.5" }, {}, 'spec.hard[pods]: Invalid value: "1.5": must be an integer'],
    [
      { "requests.cpu": "-1" },
      {},
      'spec.hard[requests.cpu]: Invalid value: "-1": must be greater than or equal to 0',
    ],
    [
      { cpu: "1" },
      { scopes: ["BestEffort"] },
      'spec.scopes: Invalid value: ["BestEffort"]: unsupported scope applied to resource',
    ],
    [{ pods: "1" }, { scopes: ["Terminating", "NotTerminating"] }, "conflicting scopes"],
  ];
  for (const [hard, spec, says] of wrong)
    test(`are refused when they make no sense: ${says}`, async () => {
      const refused = await refusalOf(namespaceWith(hard, spec));
      assert.equal(refused.code, 422);
      assert.ok(refused.message?.includes(says), refused.message);
    });
});
