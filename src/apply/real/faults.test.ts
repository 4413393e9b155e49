import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, suite, test } from "vitest";
import { startTestServer } from "../../apiserver/test-support/start-test-server.ts";
import { type Clock, IsthmusError, type Stop, silentLogger, systemClock } from "../../base/index.ts";
import { type Compiled, compile, loadManifests } from "../../compile/index.ts";
import { startControllers } from "../../controllers/index.ts";
import { createKubeClient, createPatientTransport, type KubeClient } from "../../kube/index.ts";
import { type Mesh, parseMesh } from "../../mesh/index.ts";
import { createResourceMap } from "../resource-map.ts";
import { createFakeHelm } from "../test-support/fake-helm.ts";
import { createFaultyTransport, type Fault, type FaultyTransport } from "../test-support/faulty-transport.ts";
import { applyMesh } from "./apply-mesh.ts";
import type { RealCluster } from "./real-cluster.ts";
import { removeMesh } from "./remove-mesh.ts";

const meshText = `
apiVersion: isthmus.dev/v1alpha1
kind: Mesh
name: faulty
namespaces: [shop]
manifests: [{ file: app.yaml, namespace: shop }]
clusters: { one: { server: https://one.example.com }, two: { server: https://two.example.com } }
`;
const appText = `
apiVersion: v1
kind: ServiceAccount
metadata: { name: cart }
---
apiVersion: v1
kind: ConfigMap
metadata: { name: cart }
data: { a: "1" }
---
apiVersion: example.com/v1
kind: Thing
metadata: { name: cart }
spec: { size: 1 }
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: cart }
spec: { hosts: [cart], http: [{ route: [{ destination: { host: cart } }] }] }
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: things.example.com }
spec:
  group: example.com
  names: { plural: things, kind: Thing }
  scope: Namespaced
  versions:
    - { name: v1, served: true, storage: true, schema: { openAPIV3Schema: { type: object, x-kubernetes-preserve-unknown-fields: true } } }
`;

/** Waits are over at once: what is tried again is not about time here. */
const hurriedClock: Clock = {
  now: () => systemClock.now(),
  after(_delay, action) {
    const timer = setImmediate(action);
    return () => clearImmediate(timer);
  },
};

interface TestCluster {
  readonly name: string;
  readonly admin: KubeClient;
  readonly way: FaultyTransport;
}

suite("a mesh on clusters whose API fails", () => {
  let folder: string;
  let mesh: Mesh;
  let compiled: Compiled;
  let wanted: readonly string[];
  let empty: readonly string[];
  const stops: Stop[] = [];
  const clusters = new Map<string, TestCluster>();
  const signal = new AbortController().signal;

  beforeAll(async () => {
    folder = mkdtempSync(path.join(tmpdir(), "isthmus-faults-"));
    const parsed = parseMesh([{ file: "mesh.yaml", text: meshText }], [], {
      folder,
      files: { kindOf: () => "file" },
    });
    if (!parsed.ok) assert.fail(JSON.stringify(parsed.problems));
    mesh = parsed.mesh;
    const { content } = await loadManifests(mesh, {
      readText: async () => appText,
      listFolder: async () => undefined,
    });
    compiled = compile(mesh, content);
    for (const name of ["one", "two"]) {
      const { api, caCert } = await startTestServer({ cluster: name });
      const transport = api.transport({ name: "admin", groups: ["system:masters"] });
      const admin = createKubeClient(transport);
      stops.push(api.stop);
      stops.push(
        await startControllers({
          cluster: name,
          client: admin,
          apiCa: caCert,
          loadBalancerAddresses: ["127.99.255.2", "127.99.255.3"],
          serviceAccountToken: (account, secret) => api.signServiceAccountToken(account, secret),
          clock: systemClock,
          log: silentLogger,
        }),
      );
      clusters.set(name, { name, admin, way: createFaultyTransport(transport) });
    }
    empty = await stateOf("one");
    await apply();
    wanted = await stateOf("one");
  }, 300_000);
  afterAll(async () => {
    for (const stop of stops.reverse()) await stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const real = (): ReadonlyMap<string, RealCluster> =>
    new Map(
      [...clusters.values()].map(({ name, way }) => {
        const transport = createPatientTransport(way, { clock: hurriedClock, signal, timeout: 500 });
        const helm = { kubeconfig: "", context: name };
        return [name, { name, client: createKubeClient(transport), server: "", ca: "", helm }];
      }),
    );
  const fakeHelm = () => createFakeHelm(new Map([...clusters].map(([name, { admin }]) => [name, admin])));
  const apply = async (helm = fakeHelm()) =>
    applyMesh({
      ...{ mesh, compiled, helm, signal },
      clusters: real(),
      unreachable: new Map(),
      trustFolders: { trust: path.join(folder, "trust"), rotation: path.join(folder, "rotation") },
      timeout: 10_000,
      force: false,
      log: silentLogger,
      created() {},
      begins() {},
      passed() {},
      waiting() {},
      deleted() {},
    });
  const remove = () =>
    Promise.all(
      [...real().values()].map((cluster) =>
        removeMesh(cluster, {
          ...{ mesh, compiled, helm: fakeHelm(), signal },
          namespaces: true,
          timeout: 10_000,
          waiting() {},
        }),
      ),
    );
  /** All objects of a cluster but for what controllers make of them, with the data of those that nobody generates. */
  const stateOf = async (name: string): Promise<readonly string[]> => {
    const { admin } = clusters.get(name) ?? assert.fail();
    const all = await createResourceMap(admin).listableKinds();
    const lists = await Promise.all(
      all
        .filter(({ kind }) => !["Event", "Endpoints", "EndpointSlice", "Lease"].includes(kind))
        .map(async (kind) =>
          (await admin.list(kind)).items.map(({ metadata, ...content }) => {
            const isGenerated = /remote-secret|token|inventory|helm/.test(metadata.name);
            const data = isGenerated ? "" : JSON.stringify(content["data"] ?? "");
            return `${kind.kind} ${metadata.namespace ?? ""}/${metadata.name} ${data}`;
          }),
        ),
    );
    const made = /kube-root-ca\.crt|^ServiceAccount \S+\/default /;
    return lists
      .flat()
      .filter((line) => !made.test(line))
      .sort();
  };
  const statesOf = () => Promise.all([...clusters.keys()].map(stateOf));
  const failuresOf = (outcomes: Awaited<ReturnType<typeof apply>>) =>
    outcomes.flatMap(({ failure }) => (failure === undefined ? [] : [IsthmusError.from(failure)]));
  const way = () => clusters.get("one")?.way ?? assert.fail();
  /** How many requests an apply to an empty cluster makes. */
  const countRequests = async (): Promise<number> => {
    await remove();
    way().fail(undefined);
    assert.deepEqual(failuresOf(await apply()), []);
    return way().count;
  };

  test("AKS-27 definitions are waited for: what is of their kinds is there after one apply, and all is gone after down", async () => {
    assert.ok(
      wanted.some((line) => line.startsWith("Thing shop/cart")),
      wanted.join("\n"),
    );
    assert.ok(wanted.some((line) => line.startsWith("VirtualService shop/cart")));
    for (const { after } of await remove()) assert.deepEqual(after, []);
    assert.deepEqual(await stateOf("one"), empty);
    for (const { before, after } of await remove()) assert.deepEqual([before, after], [[], []]);
  });

  test("OKE-20 one failure at every request in turn: the apply gets over it or says so, the next one completes it, nothing is there twice, and down leaves nothing", async () => {
    // Both clusters are told the same things: each fails in one half of them.
    const count = await countRequests();
    const half = Math.ceil(count / 2);
    const clean = [...(await statesOf())];
    for (let at = 0; at < half; at++) {
      const plans = new Map([
        ["one", { at, fault: faults[at % faults.length] ?? "500", forGood: false }],
        ["two", { at: at + half, fault: faults[(at + 2) % faults.length] ?? "500", forGood: false }],
      ]);
      const said = `of ${count} requests: ${JSON.stringify([...plans])}`;
      for (const { after } of await remove()) assert.deepEqual(after, [], said);
      for (const { name, way } of clusters.values()) way.fail(plans.get(name));
      const first = failuresOf(await apply().catch(failed));
      for (const { way } of clusters.values()) way.fail(undefined);
      for (const { code, message } of first) assert.notEqual(code, "internal", `${said}: ${message}`);
      if (first.length > 0) assert.deepEqual(failuresOf(await apply()), [], said);
      assert.deepEqual(await statesOf(), clean, said);
    }
  }, 600_000);

  test("LIQO-43 a cluster that is lost for good half-way: the apply ends with its name and the reason, the other one is as far as it can be, and the next apply resumes", async () => {
    const count = await countRequests();
    for (let at = 1; at < count; at += 13) {
      const fault = at % 2 === 0 ? "401" : "reset before";
      const said = `${fault} from request ${at} of ${count} on`;
      await remove();
      way().fail({ at, fault, forGood: true });
      const [first, ...others] = failuresOf(await apply().catch(failed));
      way().fail(undefined);
      if (first !== undefined) {
        const isNamed = ["cluster/unreachable", "cluster/forbidden", "manifest/refused", "apply/timed-out"];
        assert.ok(isNamed.includes(first.code), `${said}: ${first.code} ${first.message}`);
        for (const { code } of others) assert.equal(code, "apply/blocked", said);
      }
      assert.deepEqual(failuresOf(await apply()), [], said);
      assert.deepEqual(await stateOf("one"), wanted, said);
    }
  }, 600_000);
});

const faults: readonly Fault[] = ["500", "reset after", "409", "silence", "503", "reset before"];

/** Rejections are about all clusters. */
function failed(reason: unknown) {
  return [{ cluster: "", failure: IsthmusError.from(reason), warnings: [], deleted: [] }];
}
