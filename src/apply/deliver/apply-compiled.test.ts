import assert from "node:assert/strict";
import { afterEach, suite, test } from "vitest";
import { startTestServer } from "../../apiserver/test-support/start-test-server.ts";
import { type Diagnostic, IsthmusError, silentLogger } from "../../base/index.ts";
import type { CompiledItem } from "../../compile/index.ts";
import {
  type ConfigMap,
  createKubeClient,
  type KubeClient,
  type KubeObject,
  kinds,
  startInformer,
} from "../../kube/index.ts";
import { inventoryName } from "../inventory.ts";
import { createResourceMap } from "../resource-map.ts";
import { applyCompiled } from "./apply-compiled.ts";

interface TestCluster {
  readonly client: KubeClient;
  /** As a start with these objects in its mesh file. */
  up(...objects: readonly KubeObject[]): Promise<{
    readonly deleted: readonly string[];
    readonly warnings: readonly Diagnostic[];
  }>;
  stop(): Promise<void>;
}

const started: TestCluster[] = [];
afterEach(async () => {
  for (const cluster of started.splice(0)) await cluster.stop();
});

/** An API server alone: no controllers, so what is deleted in the background is only marked where that has a mark. */
async function startTestCluster(): Promise<TestCluster> {
  const { api, caCert } = await startTestServer();
  const client = createKubeClient(api.transport({ name: "isthmus", groups: ["system:masters"] }));
  const stopped = new AbortController();
  const { signal } = stopped;
  const services = startInformer(client, kinds.services, { signal, log: silentLogger });
  const target = { client, services, server: api.url, apiCa: caCert, caFiles: undefined };
  const cluster: TestCluster = {
    client,
    async up(...objects) {
      const items = objects.map(
        (object): CompiledItem => ({ kind: "object", wave: "manifests", from: "manifests[0]", object }),
      );
      const [outcome] = await applyCompiled(
        { clusters: new Map([["one", items]]) },
        {
          targets: new Map([["one", target]]),
          installChart: async () => {},
          addressTimeout: 1000,
          force: true,
          unserved: "later",
          signal,
          log: silentLogger,
          waiting() {},
          deleted() {},
        },
      );
      if (outcome === undefined) assert.fail("the cluster was left out");
      if (outcome.failure !== undefined) throw outcome.failure;
      return { deleted: outcome.deleted, warnings: outcome.warnings };
    },
    async stop() {
      stopped.abort();
      await api.stop();
    },
  };
  started.push(cluster);
  return cluster;
}

function configMap(name: string, value = "1", namespace = "default"): ConfigMap {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace }, data: { value } };
}

function namespace(name: string): KubeObject {
  return {
    apiVersion: "v1",
    kind: "Namespace",
    metadata: { name, labels: { "istio-injection": "enabled" } },
  };
}

const deployment = (replicas?: number): KubeObject => ({
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name: "web", namespace: "default" },
  spec: {
    ...(replicas === undefined ? {} : { replicas }),
    selector: { matchLabels: { app: "web" } },
    template: { metadata: { labels: { app: "web" } }, spec: { containers: [{ name: "web", image: "web" }] } },
  },
});

/** Every object of the kinds that these tests use, with its version. */
async function versionsOf(client: KubeClient): Promise<readonly string[]> {
  const namespaced = await createResourceMap(client).namespacedKinds();
  const lists = await Promise.all(
    [...namespaced, kinds.namespaces].map(async (kind) =>
      (await client.list(kind)).items.map(
        ({ metadata }) => `${kind.plural} ${metadata.namespace}/${metadata.name} ${metadata.resourceVersion}`,
      ),
    ),
  );
  return lists.flat().sort();
}

/** Names of the ConfigMaps in default, the inventory aside. */
async function configMaps(client: KubeClient): Promise<readonly string[]> {
  const { items } = await client.list(kinds.configMaps, { namespace: "default" });
  return items.map(({ metadata }) => metadata.name).filter((name) => name !== inventoryName);
}

suite("applyCompiled(), again", () => {
  test("with the same objects changes no object's version, that of the inventory included", async () => {
    const { client, up } = await startTestCluster();
    const objects = [namespace("shop"), configMap("a", "1", "shop"), deployment(2)];
    await up(...objects);
    const before = await versionsOf(client);
    assert.ok(before.some((line) => line.includes(`default/${inventoryName} `)));
    assert.deepEqual(await up(...objects), { deleted: [], warnings: [] });
    assert.deepEqual(await versionsOf(client), before);
  });

  test("with one changed object changes that one alone", async () => {
    const { client, up } = await startTestCluster();
    await up(configMap("a"), configMap("b"), deployment());
    const before = await versionsOf(client);
    await up(configMap("a"), configMap("b", "2"), deployment());
    const changed = (await versionsOf(client)).filter((line) => !before.includes(line));
    assert.deepEqual(
      changed.map((line) => line.split(" ")[1]),
      ["default/b"],
    );
  });

  test("leaves a field that the manifest leaves open, and takes one back that it sets", async () => {
    const { client, up } = await startTestCluster();
    const scaleBy = async (replicas: number) =>
      client.patch(
        kinds.deployments,
        "web",
        { spec: { replicas } },
        { type: "merge", namespace: "default", subresource: "scale", fieldManager: "kubectl" },
      );
    const replicas = async () => (await client.get(kinds.deployments, "web", "default"))?.spec.replicas;
    await up(deployment());
    await scaleBy(3);
    await up(deployment());
    assert.equal(await replicas(), 3);
    await up(deployment(2));
    assert.equal(await replicas(), 2);
    await scaleBy(3);
    await up(deployment(2));
    assert.equal(await replicas(), 2);
  });

  test("deletes what left the mesh file, and nothing that somebody else made", async () => {
    const { client, up } = await startTestCluster();
    await client.create(kinds.configMaps, configMap("theirs"));
    await up(configMap("stays"), configMap("goes"), deployment());
    const { deleted, warnings } = await up(configMap("stays"));
    assert.deepEqual(deleted.toSorted(), ["ConfigMap default/goes", "Deployment default/web"]);
    assert.deepEqual(warnings, []);
    assert.deepEqual(await configMaps(client), ["stays", "theirs"]);
    assert.deepEqual(await up(configMap("stays")), { deleted: [], warnings: [] });
  });

  test("an object under another version of its kind is still the same object", async () => {
    const { client, up } = await startTestCluster();
    const autoscaler = (version: string): KubeObject => ({
      apiVersion: `autoscaling/${version}`,
      kind: "HorizontalPodAutoscaler",
      metadata: { name: "web", namespace: "default" },
      spec: { maxReplicas: 3, scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "web" } },
    });
    await up(autoscaler("v1"));
    assert.deepEqual((await up(autoscaler("v2"))).deleted, []);
    const present = await createResourceMap(client).find("autoscaling/v2", "HorizontalPodAutoscaler");
    assert.ok(present !== undefined && (await client.get(present, "web", "default")) !== undefined);
  });

  test("an object that was there before stays when it leaves the mesh file, without what isthmus had set", async () => {
    const { client, up } = await startTestCluster();
    await client.create(kinds.configMaps, {
      ...configMap("theirs"),
      data: { own: "1" },
    });
    await up({ ...configMap("theirs"), data: { ours: "2" } }, namespace("default"));
    await up({ ...configMap("theirs"), data: { ours: "2" } }, namespace("default"));
    const { deleted } = await up();
    assert.deepEqual(deleted, []);
    assert.deepEqual((await client.get(kinds.configMaps, "theirs", "default"))?.data, { own: "1" });
    const labels = (await client.get(kinds.namespaces, "default"))?.metadata.labels;
    assert.equal(labels?.["istio-injection"], undefined);
    assert.equal(labels?.["kubernetes.io/metadata.name"], "default");
  });

  test("an object that somebody made anew in the place of ours stays", async () => {
    const { client, up } = await startTestCluster();
    await up(configMap("a"));
    await client.delete(kinds.configMaps, "a", { namespace: "default" });
    await client.create(kinds.configMaps, configMap("a", "theirs"));
    assert.deepEqual((await up()).deleted, []);
    assert.deepEqual(await configMaps(client), ["a"]);
  });

  test("an object without any field that could be owned is deleted, too", async () => {
    const { client, up } = await startTestCluster();
    const account = {
      apiVersion: "v1",
      kind: "ServiceAccount",
      metadata: { name: "web", namespace: "default" },
    };
    await up(account);
    assert.deepEqual((await up()).deleted, ["ServiceAccount default/web"]);
    assert.equal(await client.get(kinds.serviceAccounts, "web", "default"), undefined);
  });

  test("CustomResourceDefinitions stay, and what is annotated to be kept", async () => {
    const { client, up } = await startTestCluster();
    const definition: KubeObject = {
      apiVersion: "apiextensions.k8s.io/v1",
      kind: "CustomResourceDefinition",
      metadata: { name: "things.example.com" },
      spec: {
        group: "example.com",
        names: { plural: "things", kind: "Thing" },
        scope: "Namespaced",
        versions: [
          { name: "v1", served: true, storage: true, schema: { openAPIV3Schema: { type: "object" } } },
        ],
      },
    };
    const kept = configMap("kept");
    const annotations = { "helm.sh/resource-policy": "keep" };
    await up(definition, { ...kept, metadata: { ...kept.metadata, annotations } });
    assert.deepEqual(await up(), { deleted: [], warnings: [] });
    assert.deepEqual(await configMaps(client), ["kept"]);
    assert.ok(await client.get(kinds.customResourceDefinitions, "things.example.com"));
  });

  test("a namespace goes when it is empty, and stays for what others have in it, which is said once", async () => {
    const { client, up } = await startTestCluster();
    await up(namespace("empty"), namespace("used"), configMap("ours", "1", "empty"));
    await client.create(kinds.configMaps, configMap("theirs", "1", "used"));
    await client.create(kinds.configMaps, configMap("kube-root-ca.crt", "1", "empty"));
    const { deleted, warnings } = await up();
    assert.deepEqual(deleted, ["ConfigMap empty/ours", "Namespace empty"]);
    assert.ok((await client.get(kinds.namespaces, "empty"))?.metadata.deletionTimestamp !== undefined);
    assert.equal(warnings[0]?.code, "mesh/object-kept");
    assert.match(warnings[0]?.message ?? "", /Namespace used .* stays: ConfigMap theirs is in it/);
    const used = await client.get(kinds.namespaces, "used");
    assert.equal(used?.metadata.deletionTimestamp, undefined);
    assert.equal(used?.metadata.labels?.["istio-injection"], undefined);
    assert.deepEqual(await up(), { deleted: [], warnings: [] });
  });

  test("a namespace that the file no longer lists stays for the file's own objects in it", async () => {
    const { client, up } = await startTestCluster();
    await up(namespace("shop"), configMap("ours", "1", "shop"));
    const { deleted } = await up(configMap("ours", "1", "shop"));
    assert.deepEqual(deleted, []);
    assert.ok(await client.get(kinds.configMaps, "ours", "shop"));
  });

  test("a start that fails half-way deletes nothing, and what it made is deleted when it leaves the file", async () => {
    const { client, up } = await startTestCluster();
    await up(configMap("old"));
    const wrong: KubeObject = { ...deployment(), spec: { template: {} } };
    await assert.rejects(
      up(configMap("new"), wrong),
      (reason) => reason instanceof IsthmusError && reason.code === "manifest/refused",
    );
    assert.deepEqual(await configMaps(client), ["new", "old"]);
    assert.deepEqual((await up(deployment())).deleted, ["ConfigMap default/new", "ConfigMap default/old"]);
  });

  test("LIQO-47 a node port that another Service has is refused, with the Service that has it", async () => {
    const { up } = await startTestCluster();
    const service = (name: string): KubeObject => ({
      apiVersion: "v1",
      kind: "Service",
      metadata: { name, namespace: "default" },
      spec: { type: "NodePort", ports: [{ port: 80, nodePort: 30_001 }] },
    });
    await up(service("grafana"));
    await assert.rejects(
      up(service("grafana"), service("late")),
      /refuses Service late: .*nodePort: Invalid value: 30001: provided port is already allocated; 30001 is the Service default\/grafana's/,
    );
  });

  test("without its inventory nothing is deleted, and objects of the file are listed anew as isthmus' own", async () => {
    const { client, up } = await startTestCluster();
    await up(configMap("a"), configMap("b"));
    await client.delete(kinds.configMaps, inventoryName, { namespace: "default" });
    assert.deepEqual((await up(configMap("a"))).deleted, []);
    assert.deepEqual(await configMaps(client), ["a", "b"]);
    assert.deepEqual((await up()).deleted, ["ConfigMap default/a"]);
  });
});
