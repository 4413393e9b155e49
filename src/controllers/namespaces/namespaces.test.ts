import assert from "node:assert/strict";
import { afterEach, beforeEach, suite, test } from "vitest";
import { type ConfigMap, kinds, type Namespace } from "../../kube/index.ts";
import { startAllObjects } from "../core/all-objects.ts";
import { findCondition } from "../core/conditions.ts";
import type { StartController } from "../core/controller.ts";
import { startDefaultServiceAccounts } from "../service-accounts/start-service-accounts.ts";
import { tokenSecretsController } from "../service-accounts/start-token-secrets.ts";
import { customKind } from "../test-support/fake-api.ts";
import { startTestCluster, type TestCluster } from "../test-support/test-cluster.ts";
import { namespacesController } from "./start-namespaces.ts";
import { rootCaController } from "./start-root-ca.ts";

const namespaces: StartController = (cluster) => namespacesController(startAllObjects(cluster))(cluster);
const widgets = customKind("example.com/v1", "Widget", "widgets");

let cluster: TestCluster;
beforeEach(() => {
  cluster = startTestCluster([
    namespaces,
    rootCaController("PEM"),
    startDefaultServiceAccounts,
    tokenSecretsController(
      "PEM",
      ({ namespace, name, uid }, secret) => `token of ${namespace}/${name} ${uid} in ${secret.name}`,
    ),
  ]);
});
afterEach(() => cluster.stop());

const create = (): Promise<Namespace> =>
  cluster.api.client.create(kinds.namespaces, {
    apiVersion: "v1",
    kind: "Namespace",
    metadata: { name: "sample" },
  });
const current = () => cluster.api.client.get(kinds.namespaces, "sample");
const configMap = (name: string, finalizers: readonly string[] = []): ConfigMap => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name, namespace: "sample", finalizers },
});
const gone = () => cluster.eventually(async () => ((await current()) === undefined ? true : undefined));

suite("namespaces", () => {
  test("become Active with Kubernetes' finalizer, the root CA and a default service account", async () => {
    await create();
    const active = await cluster.eventually(async () => {
      const namespace = await current();
      return namespace?.status?.phase === "Active" ? namespace : undefined;
    });
    assert.deepEqual(active.spec?.finalizers, ["kubernetes"]);
    const ca = () => cluster.api.client.get(kinds.configMaps, "kube-root-ca.crt", "sample");
    assert.deepEqual((await cluster.eventually(ca)).data, { "ca.crt": "PEM" });
    await cluster.eventually(() => cluster.api.client.get(kinds.serviceAccounts, "default", "sample"));
    await cluster.api.client.patch(
      kinds.configMaps,
      "kube-root-ca.crt",
      { data: { "ca.crt": "other" } },
      { type: "merge", namespace: "sample" },
    );
    await cluster.eventually(async () => ((await ca())?.data?.["ca.crt"] === "PEM" ? true : undefined));
    await cluster.api.client.delete(kinds.serviceAccounts, "default", { namespace: "sample" });
    await cluster.eventually(() => cluster.api.client.get(kinds.serviceAccounts, "default", "sample"));
  });

  test("are emptied and removed when deleted, custom resources and events included", async () => {
    await create();
    cluster.api.serve(widgets);
    await cluster.api.client.create(kinds.customResourceDefinitions, {
      apiVersion: "apiextensions.k8s.io/v1",
      kind: "CustomResourceDefinition",
      metadata: { name: "widgets.example.com" },
    });
    await cluster.api.client.create(widgets, {
      apiVersion: "example.com/v1",
      kind: "Widget",
      metadata: { name: "w", namespace: "sample" },
    });
    await cluster.api.client.create(kinds.configMaps, configMap("a"));
    await cluster.api.client.create(kinds.events, {
      apiVersion: "v1",
      kind: "Event",
      metadata: { name: "e", namespace: "sample" },
    });
    await cluster.eventually(() => cluster.api.client.get(kinds.configMaps, "kube-root-ca.crt", "sample"));
    await cluster.eventually(async () => ((await current())?.status?.phase === "Active" ? true : undefined));
    await cluster.quiet();
    await cluster.api.client.delete(kinds.namespaces, "sample");
    await gone();
    for (const kind of [widgets, kinds.configMaps, kinds.events, kinds.serviceAccounts]) {
      assert.deepEqual(await cluster.list(kind, "sample"), []);
    }
  });

  test("wait for what has finalizers, and say so", async () => {
    await create();
    await cluster.eventually(async () => ((await current())?.status?.phase === "Active" ? true : undefined));
    await cluster.api.client.create(kinds.configMaps, configMap("held", ["example.com/hold"]));
    await cluster.api.client.delete(kinds.namespaces, "sample");
    const condition = await cluster.eventually(async () =>
      findCondition((await current())?.status?.conditions, "NamespaceFinalizersRemaining"),
    );
    assert.equal(
      condition.message,
      "Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances",
    );
    await cluster.api.client.patch(
      kinds.configMaps,
      "held",
      { metadata: { finalizers: [] } },
      { type: "merge", namespace: "sample" },
    );
    await gone();
  });
});

suite("service account token Secrets", () => {
  const secret = (name: string) => ({
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name, namespace: "sample", annotations: { "kubernetes.io/service-account.name": "reader" } },
    type: "kubernetes.io/service-account-token",
  });
  const account = {
    apiVersion: "v1",
    kind: "ServiceAccount",
    metadata: { name: "reader", namespace: "sample" },
  };
  const read = async () => (await cluster.api.client.get(kinds.secrets, "reader-token", "sample"))?.data;
  const text = (base64: string | undefined) => Buffer.from(base64 ?? "", "base64").toString();

  test("are filled with CA, namespace and token, whichever comes first", async () => {
    await cluster.api.client.create(kinds.secrets, secret("reader-token"));
    await cluster.quiet();
    assert.equal(await read(), undefined);
    const { metadata } = await cluster.api.client.create(kinds.serviceAccounts, account);
    const data = await cluster.eventually(read);
    assert.equal(text(data["token"]), `token of sample/reader ${metadata.uid} in reader-token`);
    assert.equal(text(data["ca.crt"]), "PEM");
    assert.equal(text(data["namespace"]), "sample");
  });

  test("go with their service account", async () => {
    await cluster.api.client.create(kinds.serviceAccounts, account);
    await cluster.api.client.create(kinds.secrets, secret("reader-token"));
    await cluster.eventually(read);
    await cluster.api.client.delete(kinds.serviceAccounts, "reader", { namespace: "sample" });
    await cluster.eventually(async () =>
      (await cluster.api.client.get(kinds.secrets, "reader-token", "sample")) === undefined
        ? true
        : undefined,
    );
  });
});
