import assert from "node:assert/strict";
import { suite, test } from "vitest";
import type { KubeClient, KubeObject } from "../../kube/index.ts";
import { diffRelease } from "../plan/diff-release.ts";
import { findRelease } from "./helm-release.ts";
import { releaseOfRecord, releaseRecord } from "./release-record.ts";

const at = (second: number) => new Date(Date.UTC(2026, 0, 1, 0, 0, second));
const configMap: KubeObject = {
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name: "istio" },
  data: { a: "1" },
};
const record = releaseRecord({
  name: "istiod",
  namespace: "istio-system",
  chart: { name: "istiod", version: "1.30.0" },
  values: { pilot: { env: { A: "1" } }, remote: "10.0.0.1" },
  objects: [
    configMap,
    { apiVersion: "apiextensions.k8s.io/v1", kind: "CustomResourceDefinition", metadata: { name: "x" } },
  ],
  first: at(1),
  last: at(2),
});
const clusterWith = (...items: readonly KubeObject[]) =>
  ({ list: async () => ({ items, resourceVersion: "1" }) }) as unknown as KubeClient;

suite("the record of a Helm release", () => {
  test("is read as it was written, without the chart's own definitions", async () => {
    const found = await findRelease(clusterWith(record), "istiod", "istio-system");
    assert.deepEqual(
      { ...found, objects: found?.objects.map(({ metadata }) => metadata.name) },
      {
        name: "istiod",
        namespace: "istio-system",
        revision: 1,
        status: "deployed",
        chart: { name: "istiod", version: "1.30.0" },
        firstDeployed: at(1),
        lastDeployed: at(2),
        values: { pilot: { env: { A: "1" } }, remote: "10.0.0.1" },
        objects: ["istio"],
        definitions: [],
      },
    );
    assert.equal(releaseOfRecord(record.metadata.name), "istiod");
  });

  test("one that can't be read counts as none", async () => {
    const broken = { ...record, data: { release: "bm90aGluZw==" } };
    assert.equal(await findRelease(clusterWith(broken), "istiod", "istio-system"), undefined);
  });

  test.each([
    [{ chart: "istio/istiod", version: "1.30.0" }, []],
    [{ chart: "istiod" }, []],
    [{ chart: "istiod", version: "1.31.0" }, ["version"]],
    [{ chart: "istiod", values: { remote: "10.0.0.1", pilot: { env: { A: "2" } } } }, ["values.pilot.env.A"]],
    [{ chart: "istiod", values: { remote: "${address:a/b/c}", pilot: { env: { A: "1" } } } }, []],
  ])("beside a wanted %j differs in %j", async (wanted, paths) => {
    const found = await findRelease(clusterWith(record), "istiod", "istio-system");
    assert.ok(found);
    const values = { pilot: { env: { A: "1" } }, remote: "10.0.0.1" };
    assert.deepEqual(
      diffRelease(found, { values, ...wanted }).map(({ path }) => path),
      paths,
    );
  });
});
