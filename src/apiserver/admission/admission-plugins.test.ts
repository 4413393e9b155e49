import assert from "node:assert/strict";
import { suite, test } from "vitest";
import { type KubeObject, kinds, type Pod } from "../../kube/index.ts";
import type { AdmissionPlugin } from "../contracts.ts";
import { refusalOf, useApiServer } from "../test-support/api-harness.ts";

/** Labels pods as the ConfigMap "mark" of their namespace says, if there is one. */
const marking: AdmissionPlugin = {
  resource: "pods",
  complete(pod, find) {
    const mark = find("configmaps", "mark", pod.metadata.namespace) as
      | (KubeObject & { readonly data?: Readonly<Record<string, string>> })
      | undefined;
    return mark === undefined
      ? pod
      : { ...pod, metadata: { ...pod.metadata, labels: { ...pod.metadata.labels, ...mark.data } } };
  },
};
const api = useApiServer({ admissionPlugins: [marking] });

const pod = (namespace: string, name = "web"): Pod => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name, namespace, labels: { app: "web" } },
  spec: { containers: [{ name: "web", image: "web" }] },
});
const mark = (namespace: string, data: Readonly<Record<string, string>>) =>
  api.client.create(kinds.configMaps, {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "mark", namespace },
    data,
  });

suite("an admission plugin", () => {
  test("completes new objects of its resource by what is stored at that moment", async () => {
    const namespace = await api.freshNamespace();
    const before = await api.client.create(kinds.pods, pod(namespace, "before"));
    await mark(namespace, { mark: "yes" });
    const after = await api.client.create(kinds.pods, pod(namespace, "after"));
    assert.deepEqual(before.metadata.labels, { app: "web" });
    assert.deepEqual(after.metadata.labels, { app: "web", mark: "yes" });
  });

  test("is asked for dry runs too, and not for changes", async () => {
    const namespace = await api.freshNamespace();
    await api.client.create(kinds.pods, pod(namespace));
    await mark(namespace, { mark: "yes" });
    const tried = await api.client.create(kinds.pods, pod(namespace, "tried"), { dryRun: true });
    assert.equal(tried.metadata.labels?.["mark"], "yes");
    const patch = { metadata: { labels: { tier: "front" } } };
    const changed = await api.client.patch(kinds.pods, "web", patch, { type: "merge", namespace });
    assert.deepEqual(changed.metadata.labels, { app: "web", tier: "front" });
  });

  test("has what it makes checked like anything else", async () => {
    const namespace = await api.freshNamespace();
    await mark(namespace, { mark: "not a label!" });
    const refusal = await refusalOf(api.client.create(kinds.pods, pod(namespace)));
    assert.equal(refusal.code, 422);
    assert.match(refusal.message ?? "", /metadata\.labels/);
  });
});
