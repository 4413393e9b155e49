import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { ApiServer } from "../../apiserver/index.ts";
import { type Clock, IsthmusError, type Stop, silentLogger, systemClock } from "../../base/index.ts";
import { type Compiled, compile, loadManifests } from "../../compile/index.ts";
import { startControllers } from "../../controllers/index.ts";
import {
  createHttpTransport,
  createKubeClient,
  createPatientTransport,
  type KubeClient,
  kinds,
  startInformer,
} from "../../kube/index.ts";
import { type Mesh, parseMesh } from "../../mesh/index.ts";
import type { ClusterOutcome } from "../deliver/apply-compiled.ts";
import { applyMesh } from "../real/apply-mesh.ts";
import type { RealCluster } from "../real/real-cluster.ts";
import { type Removal, removeMesh } from "../real/remove-mesh.ts";
import { createResourceMap } from "../resource-map.ts";
import { createFakeHelm } from "./fake-helm.ts";
import { type FaultProxy, startFaultProxy } from "./fault-proxy.ts";

/** In the Secret of the mesh's manifests, and in the values of its chart: never to be seen in what is said. */
export const secretOfUser = "hunter2-of-the-user";

const meshText = `
apiVersion: isthmus.dev/v1alpha1
kind: Mesh
name: faulty
istio: { values: { password: ${secretOfUser} } }
namespaces: [shop]
manifests: [{ file: app.yaml, namespace: shop }]
clusters:
  one: { server: https://one.example.com, network: network1 }
  two: { server: https://two.example.com, network: network2 }
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
apiVersion: v1
kind: Secret
metadata: { name: cart }
stringData: { password: ${secretOfUser} }
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

/** Two clusters on two networks, each reached over a proxy on which requests fail as they are told to. */
export interface FaultyMesh {
  readonly proxies: ReadonlyMap<string, FaultProxy>;
  /** Everything that was said: what is waited for, failures with their next steps, warnings. */
  readonly said: readonly string[];
  apply(options?: ApplyRun): Promise<ApplyEnd>;
  /** `down --real`. */
  remove(options?: ApplyRun): Promise<readonly Removal[]>;
  /** All objects of the clusters but for what controllers make of them, with their data where nobody generates it. */
  states(): Promise<readonly (readonly string[])[]>;
  /** Secrets' values that clusters hold, and the proxies' tokens. */
  secrets(): Promise<readonly string[]>;
  stop(): Promise<void>;
}

export interface ApplyRun {
  /** Milliseconds until a request without an answer is given up. Default 20 s. */
  readonly patience?: number;
  /** Ends it at once, as a process ends. */
  readonly signal?: AbortSignal;
}

export interface ApplyEnd {
  readonly failures: readonly IsthmusError[];
  readonly outcomes: readonly ClusterOutcome[];
}

/** startTestServer of the API server's tests, which alone may reach into its folder. */
export type StartServer = (options: { readonly cluster: string }) => Promise<{
  readonly api: ApiServer;
  readonly caCert: string;
  client(name: string, groups: readonly string[]): { readonly key: string; readonly cert: string };
}>;

/** Starts both clusters, empty, for `look`, and ends them after it. */
export async function withFaultyMesh(
  startServer: StartServer,
  look: (mesh: FaultyMesh) => Promise<void>,
): Promise<void> {
  const mesh = await startFaultyMesh(startServer);
  try {
    await look(mesh);
  } finally {
    await mesh.stop();
  }
}

async function startFaultyMesh(startServer: StartServer): Promise<FaultyMesh> {
  const folder = mkdtempSync(path.join(tmpdir(), "isthmus-faults-"));
  const { mesh, compiled } = await compileMesh(folder);
  const stops: Stop[] = [async () => rmSync(folder, { recursive: true, force: true })];
  const proxies = new Map<string, FaultProxy>();
  const admins = new Map<string, KubeClient>();
  const said: string[] = [];
  await Promise.all(
    [...mesh.clusters.keys()].map(async (name, i) => {
      const { api, caCert, client } = await startServer({ cluster: name });
      stops.push(api.stop);
      const admin = createKubeClient(api.transport({ name: "admin", groups: ["system:masters"] }));
      admins.set(name, admin);
      stops.push(
        await startControllers({
          cluster: name,
          client: admin,
          apiCa: caCert,
          loadBalancerAddresses: [`127.99.255.${2 + i * 8}`, `127.99.255.${3 + i * 8}`],
          serviceAccountToken: (account, secret) => api.signServiceAccountToken(account, secret),
          clock: systemClock,
          log: silentLogger,
        }),
      );
      stops.push(runPods(admin));
      const { key, cert } = client("isthmus", ["system:masters"]);
      const proxy = await startFaultProxy({
        server: api.url,
        ca: caCert,
        clientCert: cert,
        clientKey: key,
      });
      stops.push(proxy.stop);
      proxies.set(name, proxy);
    }),
  );

  /** The clusters over new connections, and a helm of their own; all of it ends with `signal`. */
  const reach = ({ patience = 20_000, signal = new AbortController().signal }: ApplyRun) => {
    const real = new Map<string, RealCluster>();
    const ways = [...mesh.clusters.keys()].map((name) => {
      const transport = createHttpTransport(proxies.get(name)?.access ?? assert.fail());
      const patient = createPatientTransport(transport, { clock: hurriedClock, signal, timeout: patience });
      const helm = { kubeconfig: "", context: name };
      real.set(name, { name, client: createKubeClient(patient), server: "", ca: "", helm });
      return transport;
    });
    const clients = new Map([...real].map(([name, { client }]) => [name, client]));
    return { real, helm: createFakeHelm(clients), signal, close: () => void ways.map((way) => way.close()) };
  };

  return {
    proxies,
    said,
    async apply(run = {}) {
      const { real, helm, signal, close } = reach(run);
      try {
        const outcomes = await applyMesh({
          ...{ mesh, compiled, helm, signal },
          clusters: real,
          unreachable: new Map(),
          trustFolders: { trust: path.join(folder, "trust"), rotation: path.join(folder, "rotation") },
          timeout: 10_000,
          patience: 0,
          force: false,
          log: silentLogger,
          created() {},
          begins() {},
          passed() {},
          waiting: (cluster, what) => said.push(`${cluster}: ${what}`),
          deleted() {},
        }).catch((reason: unknown): readonly ClusterOutcome[] => [
          { cluster: "", failure: IsthmusError.from(reason), warnings: [], deleted: [] },
        ]);
        const failures = outcomes.flatMap(({ failure }) => (failure === undefined ? [] : [failure]));
        for (const { message, nextStep = "" } of failures) said.push(message, nextStep);
        for (const { warnings } of outcomes) said.push(...warnings.map(({ message }) => message));
        return { failures, outcomes };
      } finally {
        close();
      }
    },
    async remove(run = {}) {
      const { real, helm, signal, close } = reach(run);
      try {
        return await Promise.all(
          [...real.values()].map((cluster) =>
            removeMesh(cluster, {
              ...{ mesh, compiled, helm, signal },
              namespaces: true,
              timeout: 20_000,
              waiting() {},
            }),
          ),
        );
      } finally {
        close();
      }
    },
    states: () => Promise.all([...admins.values()].map(stateOf)),
    async secrets() {
      const lists = await Promise.all([...admins.values()].map((admin) => admin.list(kinds.secrets)));
      const values = lists
        .flatMap(({ items }) => items.flatMap(({ data = {} }) => Object.entries(data)))
        .filter(([name]) => !/cert|crt|namespace|release/.test(name))
        .map(([, value]) => Buffer.from(value, "base64").toString("utf8").trim());
      return [secretOfUser, ...values, ...[...proxies.values()].map(({ access }) => access.token)];
    },
    async stop() {
      for (const stop of stops.reverse()) await stop();
    },
  };
}

async function compileMesh(folder: string): Promise<{ readonly mesh: Mesh; readonly compiled: Compiled }> {
  const parsed = parseMesh([{ file: "mesh.yaml", text: meshText }], [], {
    folder,
    files: { kindOf: () => "file" },
  });
  if (!parsed.ok) assert.fail(JSON.stringify(parsed.problems));
  const { content } = await loadManifests(parsed.mesh, {
    readText: async () => appText,
    listFolder: async () => undefined,
  });
  return { mesh: parsed.mesh, compiled: compile(parsed.mesh, content) };
}

/** Stands for nodes: every pod is ready. */
function runPods(admin: KubeClient): Stop {
  const stop = new AbortController();
  const pods = startInformer(admin, kinds.pods, { signal: stop.signal, log: silentLogger });
  pods.subscribe((change) => {
    const { metadata, status } = change.object;
    if (change.type === "deleted" || status?.conditions?.some(({ type }) => type === "Ready")) return;
    const { name, namespace = "default" } = metadata;
    const ready = { type: "Ready", status: "True" };
    admin
      .patch(
        kinds.pods,
        name,
        { status: { phase: "Running", conditions: [ready] } },
        {
          ...{ type: "merge", subresource: "status", namespace },
        },
      )
      .catch(() => {}); // Gone meanwhile.
  });
  return async () => stop.abort();
}

/** A line for each object: kind, name and what it holds. */
async function stateOf(admin: KubeClient): Promise<readonly string[]> {
  const all = await createResourceMap(admin).listableKinds();
  const transient = ["Event", "Endpoints", "EndpointSlice", "Lease", "Pod", "ReplicaSet"];
  const lists = await Promise.all(
    all
      .filter(({ kind }) => !transient.includes(kind))
      .map(async (kind) =>
        (await admin.list(kind)).items.map(({ metadata, ...content }) => {
          const isGenerated = /remote-secret|token|cacerts|helm|root-cert/.test(metadata.name);
          const data = isGenerated ? "" : JSON.stringify(content["data"] ?? "");
          const addressed = JSON.stringify(
            (content["status"] as { loadBalancer?: unknown })?.loadBalancer ?? "",
          );
          return `${kind.kind} ${metadata.namespace ?? ""}/${metadata.name} ${data}${addressed}`;
        }),
      ),
  );
  const made = /kube-root-ca\.crt|^ServiceAccount \S+\/default /;
  // How often helm had to begin is no part of it; that the newest revision came to its end is.
  const isRecord = /^Secret \S+\/sh\.helm\.release/;
  const lines = lists.flat().filter((line) => !made.test(line) && !isRecord.test(line));
  const records = await admin.list(kinds.secrets, { labelSelector: "owner=helm" });
  const releases = new Map<string, { readonly version: number; readonly status: string }>();
  for (const { metadata } of records.items) {
    const { name = "", status = "", version = "0" } = metadata.labels ?? {};
    const newest = releases.get(`${metadata.namespace}/${name}`);
    if (newest === undefined || newest.version < Number(version))
      releases.set(`${metadata.namespace}/${name}`, { version: Number(version), status });
  }
  return [...lines, ...[...releases].map(([name, { status }]) => `release ${name} ${status}`)].sort();
}
