import assert from "node:assert/strict";
import { suite, test } from "vitest";
import { type KubeObject, kinds, resourcePath, type Status } from "../../kube/index.ts";
import { configMap, refusalOf, useApiServer } from "../test-support/api-harness.ts";

const api = useApiServer();
const maps = kinds.configMaps;

suite("creating", () => {
  test("gives an object uid, time, version and a note of its owner", async () => {
    const namespace = await api.freshNamespace();
    const { metadata } = await api.client.create(maps, configMap(namespace, "a", { x: "y" }));
    assert.match(metadata.uid ?? "", /^[0-9a-f-]{36}$/);
    assert.match(metadata.creationTimestamp ?? "", /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    assert.ok(Number(metadata.resourceVersion) > 0);
    assert.equal(metadata.managedFields?.[0]?.manager, "test");
  });

  test("makes a name from generateName", async () => {
    const namespace = await api.freshNamespace();
    const made = await api.client.create(maps, {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: "", generateName: "job-", namespace },
    });
    assert.match(made.metadata.name, /^job-[bcdfghjklmnpqrstvwxz2456789]{5}$/);
  });

  test("does not change the object it was given", async () => {
    const namespace = await api.freshNamespace();
    const pod: KubeObject = {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "p", namespace },
      spec: { containers: [{ name: "c", image: "i" }] },
    };
    const before = JSON.stringify(pod);
    await api.client.create(kinds.pods, pod as never);
    assert.equal(JSON.stringify(pod), before);
  });

  test("with dryRun stores nothing", async () => {
    const namespace = await api.freshNamespace();
    const answer = await api.send({
      method: "POST",
      path: resourcePath(maps, namespace),
      query: new URLSearchParams({ dryRun: "All" }),
      body: configMap(namespace, "a"),
    });
    assert.equal(answer.status, 201);
    assert.equal(await api.client.get(maps, "a", namespace), undefined);
  });

  const refusals: readonly (readonly [
    why: string,
    change: Partial<KubeObject>,
    code: number,
    message: RegExp,
  ])[] = [
    [
      "a name that is none",
      { metadata: { name: "Bad_Name" } },
      422,
      /^ConfigMap "Bad_Name" is invalid: metadata.name: Invalid value: "Bad_Name": a lowercase RFC 1123 subdomain must/,
    ],
    [
      "no name",
      { metadata: { name: "" } },
      422,
      /metadata.name: Required value: name or generateName is required/,
    ],
    ["another kind", { kind: "Secret" }, 400, /does not match the expected kind \(ConfigMap\)/],
    [
      "another version",
      { apiVersion: "v2" },
      400,
      /the API version in the data \(v2\) does not match the expected API version \(v1\)/,
    ],
    [
      "a resourceVersion",
      { metadata: { name: "a", resourceVersion: "5" } },
      400,
      /resourceVersion should not be set on objects to be created/,
    ],
    [
      "another namespace",
      { metadata: { name: "a", namespace: "elsewhere" } },
      400,
      /the namespace of the provided object does not match the namespace sent on the request/,
    ],
    [
      "a wrong type",
      { data: { a: 1 } },
      400,
      /^ConfigMap in version "v1" cannot be handled as a ConfigMap: json: cannot unmarshal number/,
    ],
    [
      "a wrong label",
      { metadata: { name: "a", labels: { "a b": "c" } } },
      422,
      /metadata.labels: Invalid value: "a b": name part must consist of/,
    ],
  ];
  for (const [why, change, code, message] of refusals)
    test(`is refused for ${why}`, async () => {
      const namespace = await api.freshNamespace();
      const body = { ...configMap(namespace, "a"), metadata: { name: "a" }, ...change };
      const answer = await api.send({ method: "POST", path: resourcePath(maps, namespace), body });
      assert.equal(answer.status, code);
      assert.match((answer.body as Status).message ?? "", message);
    });

  test("is refused where the namespace is missing, and where the object is there already", async () => {
    const namespace = await api.freshNamespace();
    const lost = await refusalOf(api.client.create(maps, configMap("nowhere", "a")));
    assert.deepEqual([lost.code, lost.message], [404, 'namespaces "nowhere" not found']);
    await api.client.create(maps, configMap(namespace, "a"));
    const twice = await refusalOf(api.client.create(maps, configMap(namespace, "a")));
    assert.deepEqual(
      [twice.code, twice.reason, twice.message],
      [409, "AlreadyExists", 'configmaps "a" already exists'],
    );
  });

  test("is refused in a namespace that ends, with a cause that controllers know", async () => {
    const namespace = await api.freshNamespace();
    await api.client.delete(kinds.namespaces, namespace);
    const refused = await refusalOf(api.client.create(maps, configMap(namespace, "a")));
    assert.equal(refused.code, 403);
    assert.match(refused.message ?? "", /because it is being terminated$/);
    assert.equal(refused.details?.causes?.[0]?.reason, "NamespaceTerminating");
  });

  test("with strict validation names every unknown field; else it drops them", async () => {
    const namespace = await api.freshNamespace();
    const body = { ...configMap(namespace, "a"), bogus: 1, metadata: { name: "a", nope: 2 } };
    const path = resourcePath(maps, namespace);
    const strict = await api.send({
      method: "POST",
      path,
      query: new URLSearchParams({ fieldValidation: "Strict" }),
      body,
    });
    assert.equal(strict.status, 400);
    assert.match(
      (strict.body as Status).message ?? "",
      /strict decoding error: unknown field "metadata.nope", unknown field "bogus"/,
    );
    const loose = await api.send({ method: "POST", path, body });
    assert.equal(loose.status, 201);
    assert.equal((loose.body as KubeObject)["bogus"], undefined);
  });
});
