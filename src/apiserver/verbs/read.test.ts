import assert from "node:assert/strict";
import { suite, test } from "vitest";
import { type KubeObject, kinds, resourcePath } from "../../kube/index.ts";
import { configMap, refusalOf, useApiServer } from "../test-support/api-harness.ts";

const api = useApiServer();
const maps = kinds.configMaps;

suite("listing", () => {
  test("goes on page by page and shows the moment of the first page", async () => {
    const namespace = await api.freshNamespace();
    for (const name of ["a", "b", "c", "d"]) await api.client.create(maps, configMap(namespace, name));
    const page = async (query: Record<string, string>) =>
      (await api.send({ path: resourcePath(maps, namespace), query: new URLSearchParams(query) })).body as {
        readonly metadata: {
          readonly continue?: string;
          readonly resourceVersion: string;
          readonly remainingItemCount?: number;
        };
        readonly items: readonly KubeObject[];
      };
    const first = await page({ limit: "3" });
    assert.equal(first.metadata.remainingItemCount, 1);
    await api.client.create(maps, configMap(namespace, "e"));
    await api.client.delete(maps, "d", { namespace });
    const second = await page({ limit: "3", continue: first.metadata.continue ?? "" });
    assert.deepEqual(
      second.items.map(({ metadata }) => metadata.name),
      ["d"],
    );
    assert.equal(second.metadata.resourceVersion, first.metadata.resourceVersion);
    assert.equal(second.metadata.continue, undefined);
  });

  test("selects by labels and by fields", async () => {
    const namespace = await api.freshNamespace();
    for (const name of ["a", "b"]) {
      const map = configMap(namespace, name);
      await api.client.create(maps, { ...map, metadata: { ...map.metadata, labels: { name } } });
    }
    const listed = async (options: object) =>
      (await api.client.list(maps, { namespace, ...options })).items.map(({ metadata }) => metadata.name);
    assert.deepEqual(await listed({ labelSelector: "name in (b,c)" }), ["b"]);
    assert.deepEqual(await listed({ fieldSelector: "metadata.name=a" }), ["a"]);
    assert.deepEqual(await listed({ fieldSelector: "metadata.name!=a" }), ["b"]);
    const wrong = await refusalOf(api.client.list(maps, { namespace, fieldSelector: "data.x=1" }));
    assert.deepEqual([wrong.code, wrong.message], [400, "field label not supported: data.x"]);
  });

  test("comes as a table or as metadata when asked", async () => {
    const namespace = await api.freshNamespace();
    await api.client.create(maps, configMap(namespace, "a", { x: "1" }));
    const as = async (form: string) =>
      (await api.send({ path: resourcePath(maps, namespace), headers: { accept: form } })).body as Record<
        string,
        unknown
      >;
    const table = await as("application/json;as=Table;v=v1;g=meta.k8s.io,application/json");
    assert.equal(table["kind"], "Table");
    const partial = await as("application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io");
    assert.equal(partial["kind"], "PartialObjectMetadataList");
    const refused = await api.send({ path: resourcePath(maps, namespace), headers: { accept: "text/html" } });
    assert.equal(refused.status, 406);
  });
});
