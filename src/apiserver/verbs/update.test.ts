import assert from "node:assert/strict";
import { suite, test } from "vitest";
import { kinds, resourcePath, type Status } from "../../kube/index.ts";
import { configMap, refusalOf, useApiServer } from "../test-support/api-harness.ts";

const api = useApiServer();
const maps = kinds.configMaps;

suite("updating", () => {
  test("from an old version is a conflict with Kubernetes' text", async () => {
    const namespace = await api.freshNamespace();
    const first = await api.client.create(maps, configMap(namespace, "a"));
    await api.client.replace(maps, { ...first, data: { x: "1" } });
    const refused = await refusalOf(api.client.replace(maps, { ...first, data: { x: "2" } }));
    assert.deepEqual(
      [refused.code, refused.message],
      [
        409,
        'Operation cannot be fulfilled on configmaps "a": the object has been modified; please apply your changes to the latest version and try again',
      ],
    );
  });

  test("that changes nothing keeps the version", async () => {
    const namespace = await api.freshNamespace();
    const first = await api.client.create(maps, configMap(namespace, "a", { x: "1" }));
    const second = await api.client.patch(maps, "a", { data: { x: "1" } }, { type: "merge", namespace });
    assert.equal(second.metadata.resourceVersion, first.metadata.resourceVersion);
  });

  test("keeps spec and status apart, and counts generations of the spec alone", async () => {
    const namespace = await api.freshNamespace();
    const deployment = {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name: "web", namespace },
      spec: {
        selector: { matchLabels: { app: "web" } },
        template: {
          metadata: { labels: { app: "web" } },
          spec: { containers: [{ name: "c", image: "i:1" }] },
        },
      },
      status: { replicas: 9 },
    };
    const made = await api.client.create(kinds.deployments, deployment as never);
    assert.deepEqual([made.metadata.generation, made.status, made.spec.replicas], [1, {}, 1]);
    const withStatus = await api.client.replace(
      kinds.deployments,
      { ...made, spec: { ...made.spec, replicas: 5 }, status: { replicas: 1 } },
      "status",
    );
    assert.deepEqual(
      [withStatus.metadata.generation, withStatus.status, withStatus.spec.replicas],
      [1, { replicas: 1 }, 1],
    );
    const scaled = await api.client.replace(kinds.deployments, {
      ...withStatus,
      spec: { ...withStatus.spec, replicas: 5 },
      status: { replicas: 7 },
    });
    assert.deepEqual(
      [scaled.metadata.generation, scaled.status, scaled.spec.replicas],
      [2, { replicas: 1 }, 5],
    );
  });

  test("may not touch what is immutable", async () => {
    const namespace = await api.freshNamespace();
    const frozen = { ...configMap(namespace, "a", { x: "1" }), immutable: true };
    await api.client.create(maps, frozen);
    const refused = await refusalOf(
      api.client.patch(maps, "a", { data: { x: "2" } }, { type: "merge", namespace }),
    );
    assert.equal(refused.code, 422);
    assert.match(refused.message ?? "", /data: Forbidden: field is immutable when `immutable` is set/);
  });

  test("works by all four patches", async () => {
    const namespace = await api.freshNamespace();
    await api.client.create(maps, configMap(namespace, "a", { x: "1", y: "1" }));
    await api.client.patch(maps, "a", { data: { x: null, m: "1" } }, { type: "merge", namespace });
    await api.client.patch(maps, "a", [{ op: "add", path: "/data/j", value: "1" }], {
      type: "json",
      namespace,
    });
    await api.client.patch(maps, "a", { data: { s: "1" } }, { type: "strategic", namespace });
    const last = await api.client.apply(maps, configMap(namespace, "a", { applied: "1" }), "me");
    assert.deepEqual(last["data"], { y: "1", m: "1", j: "1", s: "1", applied: "1" });
  });

  test("by server-side apply creates, and meets the fields of others", async () => {
    const namespace = await api.freshNamespace();
    await api.client.apply(maps, configMap(namespace, "a", { x: "1" }), "one");
    const options = { type: "apply", fieldManager: "two", force: false, namespace } as const;
    const refused = await refusalOf(
      api.client.patch(maps, "a", configMap(namespace, "a", { x: "2" }), options),
    );
    assert.deepEqual(
      [refused.code, refused.message],
      [409, 'Apply failed with 1 conflict: conflict with "one": .data.x'],
    );
    const forced = await api.client.patch(maps, "a", configMap(namespace, "a", { x: "2" }), {
      ...options,
      force: true,
    });
    assert.deepEqual(forced["data"], { x: "2" });
  });

  test("by a patch of another form is refused with the forms there are", async () => {
    const namespace = await api.freshNamespace();
    await api.client.create(maps, configMap(namespace, "a"));
    const headers = { "content-type": "application/xml" };
    const answer = await api.send({
      method: "PATCH",
      path: resourcePath(maps, namespace, "a"),
      headers,
      body: {},
    });
    assert.equal(answer.status, 415);
    assert.match(
      (answer.body as Status).message ?? "",
      /accepted media types include: application\/json-patch\+json/,
    );
  });

  test("of a scale changes the replicas", async () => {
    const namespace = await api.freshNamespace();
    await api.client.create(kinds.replicaSets, {
      apiVersion: "apps/v1",
      kind: "ReplicaSet",
      metadata: { name: "web", namespace },
      spec: {
        selector: { matchLabels: { app: "web" } },
        template: {
          metadata: { labels: { app: "web" } },
          spec: { containers: [{ name: "c", image: "i:1" }] },
        },
      },
    } as never);
    const scale = await api.client.patch(
      kinds.replicaSets,
      "web",
      { spec: { replicas: 3 } },
      {
        type: "merge",
        namespace,
        subresource: "scale",
      },
    );
    assert.equal(scale.kind, "Scale");
    assert.deepEqual([scale.spec, scale.status], [{ replicas: 3 }, { replicas: 0, selector: "app=web" }]);
    assert.equal((await api.client.get(kinds.replicaSets, "web", namespace))?.spec.replicas, 3);
  });
});
