import assert from "node:assert/strict";
import { suite, test } from "vitest";
import { kinds, resourcePath, type Status } from "../../kube/index.ts";
import { configMap, refusalOf, useApiServer } from "../test-support/api-harness.ts";

const api = useApiServer();
const maps = kinds.configMaps;

suite("deleting", () => {
  test("leaves nothing, and says so", async () => {
    const namespace = await api.freshNamespace();
    await api.client.create(maps, configMap(namespace, "a"));
    const answer = await api.send({ method: "DELETE", path: resourcePath(maps, namespace, "a") });
    assert.equal((answer.body as Status).status, "Success");
    assert.equal(await api.client.get(maps, "a", namespace), undefined);
  });

  test("waits for finalizers", async () => {
    const namespace = await api.freshNamespace();
    const held = configMap(namespace, "a");
    await api.client.create(maps, {
      ...held,
      metadata: { ...held.metadata, finalizers: ["example.com/wait"] },
    });
    await api.client.delete(maps, "a", { namespace });
    const ending = await api.client.get(maps, "a", namespace);
    assert.ok(ending?.metadata.deletionTimestamp);
    const again = await refusalOf(
      api.client.patch(
        maps,
        "a",
        { metadata: { finalizers: ["example.com/wait", "example.com/more"] } },
        { type: "merge", namespace },
      ),
    );
    assert.match(again.message ?? "", /no new finalizers can be added if the object is being deleted/);
    await api.client.patch(maps, "a", { metadata: { finalizers: null } }, { type: "merge", namespace });
    assert.equal(await api.client.get(maps, "a", namespace), undefined);
  });

  test("in the foreground leaves the object to the garbage collector", async () => {
    const namespace = await api.freshNamespace();
    await api.client.create(maps, configMap(namespace, "a"));
    await api.client.delete(maps, "a", { namespace, propagationPolicy: "Foreground" });
    assert.deepEqual((await api.client.get(maps, "a", namespace))?.metadata.finalizers, [
      "foregroundDeletion",
    ]);
  });

  test("gives a pod with a node its grace, and the kubelet the last word", async () => {
    const namespace = await api.freshNamespace();
    const pod = {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "p", namespace },
      spec: { nodeName: "n", containers: [{ name: "c", image: "i" }] },
    };
    await api.client.create(kinds.pods, pod as never);
    await api.client.delete(kinds.pods, "p", { namespace });
    assert.equal((await api.client.get(kinds.pods, "p", namespace))?.metadata.deletionGracePeriodSeconds, 30);
    await api.client.delete(kinds.pods, "p", { namespace, gracePeriodSeconds: 0 });
    assert.equal(await api.client.get(kinds.pods, "p", namespace), undefined);
  });

  test("holds to preconditions", async () => {
    const namespace = await api.freshNamespace();
    await api.client.create(maps, configMap(namespace, "a"));
    const refused = await refusalOf(
      api.client.delete(maps, "a", { namespace, preconditions: { uid: "other" } }),
    );
    assert.equal(refused.code, 409);
    assert.match(refused.message ?? "", /Precondition failed: UID in precondition: other/);
  });

  test("of a collection takes what the selector matches", async () => {
    const namespace = await api.freshNamespace();
    for (const name of ["a", "b", "c"]) {
      const map = configMap(namespace, name);
      await api.client.create(maps, {
        ...map,
        metadata: { ...map.metadata, labels: { first: String(name === "a") } },
      });
    }
    const query = new URLSearchParams({ labelSelector: "first=false" });
    await api.send({ method: "DELETE", path: resourcePath(maps, namespace), query });
    assert.deepEqual(
      (await api.client.list(maps, { namespace })).items.map(({ metadata }) => metadata.name),
      ["a"],
    );
  });

  test("spares the namespaces that everything rests on", async () => {
    const refused = await refusalOf(api.client.delete(kinds.namespaces, "kube-system"));
    assert.deepEqual(
      [refused.code, refused.message],
      [403, 'namespaces "kube-system" is forbidden: this namespace may not be deleted'],
    );
  });
});
