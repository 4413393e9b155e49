import assert from "node:assert/strict";
import { afterAll, beforeAll, suite, test } from "vitest";
import { startTestServer } from "../../apiserver/test-support/start-test-server.ts";
import { type Stop, silentLogger } from "../../base/index.ts";
import {
  createKubeClient,
  type KubeClient,
  type KubeObject,
  kinds,
  parseYamlObjects,
  readCrds,
} from "../../kube/index.ts";
import { type Mesh, parseMesh } from "../../mesh/index.ts";
import { createResourceMap } from "../resource-map.ts";
import { federateOnce } from "./federate-once.ts";
import { findOurs } from "./find-ours.ts";
import type { RealCluster } from "./real-cluster.ts";

const meshText = (more = "") => `
apiVersion: isthmus.dev/v1alpha1
kind: Mesh
name: postcard
discovery: exports
clusters:
  one: { network: a }
  two: { network: b }
${more}`;

const exporter = `
apiVersion: v1
kind: Namespace
metadata: { name: istio-system, labels: { topology.istio.io/network: b } }
---
apiVersion: v1
kind: Namespace
metadata: { name: shop, annotations: { isthmus.dev/exports: "*" } }
---
apiVersion: v1
kind: Service
metadata: { name: messenger, namespace: shop }
spec: { selector: { app: messenger }, ports: [{ name: http, port: 3000 }] }
---
apiVersion: v1
kind: Service
metadata: { name: eastwest, namespace: istio-system, labels: { istio: eastwestgateway, topology.istio.io/network: b } }
spec: { type: LoadBalancer, selector: { istio: eastwestgateway }, ports: [{ name: tls, port: 15443 }] }
status: { loadBalancer: { ingress: [{ ip: 198.51.100.7 }] } }
`;

suite("federateOnce()", () => {
  const stops: Stop[] = [];
  const admins = new Map<string, KubeClient>();
  const signal = new AbortController().signal;
  beforeAll(async () => {
    for (const name of ["one", "two"]) {
      const { api } = await startTestServer({ cluster: name });
      stops.push(api.stop);
      const admin = createKubeClient(api.transport({ name: "admin", groups: ["system:masters"] }));
      admins.set(name, admin);
      for (const { name: definition, spec } of readCrds("istio"))
        await admin.create(kinds.customResourceDefinitions, {
          apiVersion: "apiextensions.k8s.io/v1",
          kind: "CustomResourceDefinition",
          metadata: { name: definition },
          spec,
        } as KubeObject);
    }
    const resources = createResourceMap(admin("two"));
    await admin("one").apply(kinds.namespaces, {
      apiVersion: "v1",
      kind: "Namespace",
      metadata: { name: "istio-system", labels: { "topology.istio.io/network": "a" } },
    });
    for (const { object } of parseYamlObjects(exporter).objects) {
      const kind = (await resources.find(object.apiVersion, object.kind)) ?? assert.fail(object.kind);
      await admin("two").apply(kind, object);
      const { status } = object as { readonly status?: object };
      const { name, namespace = "" } = object.metadata;
      if (status !== undefined)
        await admin("two").patch(kind, name, { status }, { type: "merge", subresource: "status", namespace });
    }
  }, 300_000);
  afterAll(async () => {
    for (const stop of stops.reverse()) await stop();
  });
  const admin = (name: string) => admins.get(name) ?? assert.fail(name);

  const meshOf = (text: string): Mesh => {
    const parsed = parseMesh([{ file: "mesh.yaml", text }], [], {
      folder: "/nowhere",
      files: { kindOf: () => undefined },
    });
    return parsed.ok ? parsed.mesh : assert.fail(JSON.stringify(parsed.problems));
  };
  const run = (names: readonly string[], text = meshText(), timeout = 20_000) =>
    federateOnce(
      names.map((name): RealCluster => {
        const helm = { kubeconfig: "", context: name };
        return { name, client: admin(name), server: "", ca: "", helm };
      }),
      { mesh: meshOf(text), timeout, signal, log: silentLogger, waiting() {} },
    );
  const hostsIn = async (name: string) =>
    (await admin(name).list(kinds.serviceEntries)).items.flatMap(
      (entry) => (entry as KubeObject & { readonly spec: { readonly hosts: readonly string[] } }).spec.hosts,
    );
  const oursIn = async (name: string) =>
    findOurs(admin(name), createResourceMap(admin(name)), { made: new Map(), found: new Map() });

  test("gives what is exported now its name in the other clusters, and takes the name of what is not any more", async () => {
    assert.deepEqual(await run(["one", "two"]), new Map());
    assert.deepEqual(await hostsIn("one"), ["messenger.shop.global"]);
    assert.ok((await oursIn("one")).some((name) => name.startsWith("ServiceEntry istio-system/")));

    await admin("two").delete(kinds.services, "messenger", { namespace: "shop" });
    assert.deepEqual(await run(["one", "two"]), new Map());
    assert.deepEqual(await hostsIn("one"), []);
  });

  test("does nothing where a manager does it all the time, or services cross by themselves", async () => {
    const managed = meshText("  mgmt: { role: management }\n");
    assert.deepEqual(await run(["one", "two"], managed), new Map());
    assert.deepEqual(await run(["one", "two"], meshText().replace("discovery: exports", "")), new Map());
  });

  test("names the cluster that does not get there in time", async () => {
    const client = createKubeClient({
      send: () => Promise.reject(new Error("away")),
    });
    admins.set("away", client);
    const mesh = meshText("  away: { network: c }\n");
    const behind = await run(["one", "two", "away"], mesh, 500);
    assert.deepEqual([...behind.keys()], ["away"]);
    assert.match(
      behind.get("away")?.message ?? "",
      /away did not get the names of the other clusters' exported/,
    );
  });
});
