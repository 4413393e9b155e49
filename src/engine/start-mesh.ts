import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import type { Socket } from "node:net";
import { type ApplyTarget, applyCompiled, loadTrust, type MeshTrust } from "../apply/index.ts";
import { IsthmusError, type Logger, type Stop, systemClock, waitFor } from "../base/index.ts";
import { warnOfPublishedKeys } from "../ca/index.ts";
import { type Compiled, managementCluster } from "../compile/index.ts";
import { type Console, startConsole } from "../console/index.ts";
import { formatKubeconfig, formatYaml, kinds } from "../kube/index.ts";
import { createClusterInformers, startFederation, startOffloading } from "../management/index.ts";
import type { Mesh } from "../mesh/index.ts";
import { standsInFor } from "../runtime/index.ts";
import type { Live, Telemetry, Traces } from "../telemetry/index.ts";
import { type ClaimedBlock, claimBlocks } from "./address-blocks.ts";
import { chartInstaller } from "./charts/index.ts";
import { availableMemory, checkMemory } from "./check-memory.ts";
import { clusterProgress } from "./cluster-progress.ts";
import { type ClusterSet, createClusterSet } from "./cluster-set.ts";
import type { ClusterWatch } from "./cluster-watch.ts";
import { consoleSource } from "./console-source.ts";
import { controlHandlers } from "./control-handlers.ts";
import { startControlServer } from "./control-server.ts";
import { imageWarnings } from "./images.ts";
import { installLiqo } from "./install-liqo.ts";
import { keepCredentials } from "./keep-credentials.ts";
import type { Progress, Timings } from "./progress.ts";
import { recallBlocks, rememberBlocks } from "./relocation/remember-blocks.ts";
import type { StateFolder } from "./state-folder.ts";
import { untilEnforced } from "./until-enforced.ts";
import { type RunningCluster, wireMesh } from "./wire.ts";

/** How long a start waits for workspaces at most, in milliseconds. */
const workspacePatience = 30_000;

export interface StartMeshOptions {
  readonly mesh: Mesh;
  readonly compiled: Compiled;
  readonly state: StateFolder;
  /** Keep nothing but the kubeconfig and the log. */
  readonly ephemeral: boolean;
  /** Only the clusters: nothing of the mesh is applied to them, as on a cloud's new ones. */
  readonly bare: boolean;
  /** Path of Envoy's program, to run it for every proxy; undefined: the built-in proxy. */
  readonly envoy?: string | undefined;
  /** How long until everything must run, in milliseconds. */
  readonly timeout: number;
  readonly signal: AbortSignal;
  readonly log: Logger;
  readonly timings: Timings;
  progress(event: Progress): void;
}

/** A mesh that runs on this machine, and everything that a command asks of it. */
export interface RunningMesh {
  readonly mesh: Mesh;
  /** Those that run now. */
  readonly clusters: ReadonlyMap<string, RunningCluster>;
  /** Of the clusters that run now. */
  readonly watches: ReadonlyMap<string, ClusterWatch>;
  /** Stops and starts clusters one by one. */
  readonly clusterSet: ClusterSet;
  readonly trust: MeshTrust;
  /** Folder of a rotation of CAs that is under way. */
  readonly rotation: string;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  /** Milliseconds from the start until everything of a cluster ran. */
  readonly readyAfter: ReadonlyMap<string, number>;
  readonly kubeconfig: string;
  readonly dataplane: "builtin" | "envoy";
  /** What a request to a pod's dispatcher carries as Proxy-Authorization. */
  readonly dispatcherAuthorization: string;
  /** Where an address and port are really bound on this machine. */
  realPort(address: string, port: number): number;
  /** Opens a connection as a node of the cluster does. */
  dialFromNode(cluster: string, to: { readonly address: string; readonly port: number }): Socket;
  /** Links between clusters that are cut on purpose. */
  readonly cutLinks: readonly { readonly between: readonly [string, string] }[];
  /** Cuts what is between two clusters, or heals it. Both must be of the mesh. */
  setLink(between: readonly [string, string], wanted: "cut" | "whole"): void;
  /** The pages of the mesh. */
  readonly console: Pick<Console, "url" | "isWantedPort">;
  /** Of all clusters; resolves once it has started. */
  readonly telemetry: Promise<Telemetry>;
  /** Traces that were reported to any of the mesh's collectors; loaded when first asked for. */
  openTraces(): Promise<Traces>;
  /** Requests of all clusters as they come; loaded when first asked for. */
  openLive(): Promise<Live>;
  /** Resolves when the mesh has ended. */
  readonly ended: Promise<void>;
  stop(): Promise<void>;
}

/**
 * Starts the mesh and resolves when every workload runs. Rejects when something fails, the time is over or
 * `signal` aborts; then everything that was started has ended again and nothing is left behind.
 */
export async function startMesh(options: StartMeshOptions): Promise<RunningMesh> {
  const { state, signal, log } = options;
  checkMemory(options.mesh.clusters.size, availableMemory());
  const stops: Stop[] = [];
  let stopping: Promise<void> | undefined;
  const stop = () => {
    stopping ??= stopAll(stops, log);
    return stopping;
  };
  state.lock();
  stops.push(async () => state.unlock());
  const stopped = new AbortController();
  stops.push(async () => stopped.abort());
  const lifetime = AbortSignal.any([signal, stopped.signal]);
  try {
    return await start(options, lifetime, stops, stop);
  } catch (reason) {
    await stop();
    throw reason;
  }
}

async function start(
  options: StartMeshOptions,
  lifetime: AbortSignal,
  stops: Stop[],
  stop: Stop,
): Promise<RunningMesh> {
  const { mesh, compiled, state, log, timings, progress } = options;
  const startedAt = systemClock.now();
  const dataplane = options.envoy === undefined ? "builtin" : "envoy";
  const trust = loadTrust(mesh, state, startedAt);
  for (const folder of trust.created)
    progress({ kind: "note", text: `made ${folder}: a root and an intermediate per cluster` });
  for (const diagnostic of warnOfPublishedKeys(trust.files)) progress({ kind: "warning", diagnostic });
  timings.mark("trust");

  const blocks = await takeBlocks(options, stops);
  timings.mark("address blocks");
  const parts = wireMesh({
    mesh,
    clock: systemClock,
    log,
    envoy: options.envoy,
    warn: (text) => progress({ kind: "note", text }),
  });
  stops.push(() => parts.network.stop());
  // Injection gives `auto` its image.
  const hasNoStandIn = (image: string) =>
    image !== "auto" && !standsInFor(image, parts.standIns, mesh.images);
  const set = createClusterSet({
    mesh,
    blocks,
    parts,
    persistent: !options.ephemeral,
    log,
    folder: (name) => state.clusterFolder(name),
    hasNoStandIn,
  });
  stops.push(() => set.end());
  await startClusters(set, mesh);
  const { running: clusters, watches } = set;
  writeKubeconfig(state.kubeconfig, clusters);
  timings.mark("API servers, controllers, nodes");

  if (!options.bare)
    for (const diagnostic of imageWarnings(compiled, hasNoStandIn)) progress({ kind: "warning", diagnostic });
  const readyAfter = new Map<string, number>();
  const waitingFor = new Map<string, string>();
  const describe = (name: string) =>
    clusterProgress(mesh, name, {
      block: blocks.get(name)?.block ?? 0,
      watch: watches.get(name),
      readyAfter: readyAfter.get(name),
      waitingFor: waitingFor.get(name),
    });
  progress({ kind: "clusters", mesh: mesh.name, dataplane, lines: [...mesh.clusters.keys()].map(describe) });
  const waiting = (cluster: string, what: string | undefined) => {
    if (what === undefined) waitingFor.delete(cluster);
    else waitingFor.set(cluster, what);
    progress({ kind: "cluster", cluster: describe(cluster) });
  };

  if (!options.bare) await applyMesh(options, { clusters, watches, trust, lifetime, waiting });
  timings.mark("objects applied");

  await waitUntilReady(watches, options, lifetime, (name, isReady) => {
    if (isReady) readyAfter.set(name, systemClock.now() - startedAt);
    progress({ kind: "cluster", cluster: describe(name) });
  });
  timings.mark("workloads ready");
  await waitForWorkspaces(options, clusters, lifetime);
  parts.telemetry.start([...clusters.values()].map(({ cluster, client }) => ({ ...cluster, client })));
  stops.push(parts.telemetry.stop);

  let end = () => {};
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  const cutLinks = new Map<string, { readonly between: readonly [string, string] }>();
  let pages: Console | undefined;
  let live: Promise<Live> | undefined;
  stops.push(async () => (await live)?.stop());
  const running: RunningMesh = {
    mesh,
    clusters,
    watches,
    clusterSet: set,
    trust,
    rotation: state.rotation,
    startedAt,
    readyAfter,
    kubeconfig: state.kubeconfig,
    dispatcherAuthorization: `Basic ${Buffer.from(parts.network.credentials).toString("base64")}`,
    dataplane,
    realPort: (address, port) => parts.network.realPort(address, port),
    dialFromNode: (cluster, to) => parts.network.dialFromNode(cluster, to),
    get cutLinks() {
      return [...cutLinks.values()];
    },
    setLink([a, b], wanted) {
      const id = [a, b].sort().join(" ");
      if (wanted === "cut") {
        cutLinks.set(id, { between: [a, b] });
        parts.network.cutLink(a, b);
      } else {
        cutLinks.delete(id);
        parts.network.healLink(a, b);
      }
    },
    get console() {
      if (pages === undefined) throw new Error("the console is used before it has started");
      return pages;
    },
    telemetry: parts.telemetry.telemetry,
    openTraces: parts.openTraces,
    openLive() {
      live ??= import("../telemetry/index.ts").then(({ createLive }) =>
        createLive({
          clusters: [...clusters.values()].map(({ cluster, client }) => ({ ...cluster, client })),
          clock: systemClock,
          log: log.child({ part: "live requests" }),
        }),
      );
      return live;
    },
    ended,
    stop: () => stop().finally(end),
  };
  pages = await openConsole(running, state, log, stops);
  parts.announceConsole(pages);
  await openControl(running, state, log, stops);
  return running;
}

/** Brings the mesh into its clusters: what was compiled, and what goes on beside it. */
async function applyMesh(
  { mesh, compiled, timeout, log, progress }: StartMeshOptions,
  parts: {
    readonly clusters: ReadonlyMap<string, RunningCluster>;
    readonly watches: ReadonlyMap<string, ClusterWatch>;
    readonly trust: MeshTrust;
    readonly lifetime: AbortSignal;
    waiting(cluster: string, what: string | undefined): void;
  },
): Promise<void> {
  const { clusters, watches, trust, lifetime, waiting } = parts;
  await installLiqo(mesh, clusters);
  await startOffloading({
    clusters: [...clusters].map(([name, { client }]) => ({ name, client })),
    clock: systemClock,
    signal: lifetime,
    log: log.child({ part: "offloading" }),
  });
  const outcomes = await applyCompiled(compiled, {
    targets: applyTargets(clusters, watches, trust),
    installChart: chartInstaller(mesh, lifetime),
    addressTimeout: timeout,
    force: true,
    unserved: "later",
    signal: lifetime,
    log,
    waiting,
    deleted: (cluster, objects) =>
      progress({
        kind: "note",
        text: `${cluster}: deleted, no longer in the mesh file: ${objects.join(", ")}`,
      }),
  });
  for (const { failure, warnings } of outcomes) {
    if (failure !== undefined) throw failure;
    for (const diagnostic of warnings) progress({ kind: "warning", diagnostic });
  }
  // With a management cluster the manager there does what follows.
  if (managementCluster(mesh) !== undefined) return;
  keepCredentials(mesh, clusters, lifetime, log.child({ part: "remote credentials" }));
  if (mesh.discovery === "exports") {
    const federationLog = log.child({ part: "federation" });
    const federation = startFederation({ hostSuffix: mesh.hostSuffix, signal: lifetime, log: federationLog });
    // A provider's Services are its consumer's.
    for (const { cluster, client } of clusters.values())
      if (cluster.consumer === undefined)
        federation.add({ ...cluster, informers: createClusterInformers(client, lifetime, federationLog) });
  }
}

/** A mesh whose isolation does not hold yet is not ready. With a workspace that can't be enforced it starts all the same. */
async function waitForWorkspaces(
  { mesh, bare, timeout, timings, progress }: StartMeshOptions,
  clusters: ReadonlyMap<string, RunningCluster>,
  signal: AbortSignal,
): Promise<void> {
  const management = managementCluster(mesh);
  const client = management === undefined ? undefined : clusters.get(management.name)?.client;
  if (client === undefined || bare) return;
  const namespaces = new Map(
    [...clusters]
      .filter(([, { cluster }]) => cluster.role === "workload")
      .map(([name, one]) => [
        name,
        async () => (await one.client.list(kinds.namespaces)).items.map(({ metadata }) => metadata.name),
      ]),
  );
  const patience = Math.min(timeout, workspacePatience);
  const waiting = await untilEnforced(client, namespaces, { timeout: patience, signal });
  if (waiting.length > 0)
    progress({
      kind: "note",
      text: `not enforced yet: workspaces ${waiting.join(", ")}; kubectl get workspaces -A -o wide says why`,
    });
  timings.mark("workspaces enforced");
}

async function takeBlocks(
  { mesh, state, ephemeral, progress }: StartMeshOptions,
  stops: Stop[],
): Promise<ReadonlyMap<string, ClaimedBlock>> {
  const remembered = recallBlocks(state);
  const blocks = await claimBlocks([...mesh.clusters.keys()], remembered);
  stops.push(async () => {
    await Promise.all([...blocks.values()].map((claimed) => claimed.release()));
  });
  for (const [name, { moved, block }] of blocks) {
    if (moved)
      progress({
        kind: "note",
        text: `${name} moved to 127.${block}.0.0/16: its addresses were taken by another mesh`,
      });
  }
  if (!ephemeral) rememberBlocks(state, remembered, blocks);
  return blocks;
}

async function startClusters(set: ClusterSet, mesh: Mesh): Promise<void> {
  // All of them settle first: one that is still starting must not outlive the failure of another.
  const settled = await Promise.allSettled([...mesh.clusters.keys()].map((name) => set.start(name)));
  const failed = settled.find((one) => one.status === "rejected");
  if (failed !== undefined) throw failed.reason;
}

function applyTargets(
  clusters: ReadonlyMap<string, RunningCluster>,
  watches: ReadonlyMap<string, ClusterWatch>,
  trust: MeshTrust,
): ReadonlyMap<string, ApplyTarget> {
  const targets = new Map<string, ApplyTarget>();
  for (const [name, { client, server, keys }] of clusters) {
    const caFiles = trust.files.get(name);
    const services = watches.get(name)?.services;
    if (services !== undefined) targets.set(name, { client, services, server, apiCa: keys.caCert, caFiles });
  }
  return targets;
}

/** Waits for every cluster at once. `changed` is told whenever something moved, and when a cluster is ready. */
async function waitUntilReady(
  watches: ReadonlyMap<string, ClusterWatch>,
  options: StartMeshOptions,
  lifetime: AbortSignal,
  changed: (cluster: string, isReady: boolean) => void,
): Promise<void> {
  const deadline = AbortSignal.timeout(options.timeout);
  const signal = AbortSignal.any([lifetime, deadline]);
  try {
    await Promise.all(
      [...watches].map(async ([name, watch]) => {
        await Promise.all([watch.pods.synced, watch.services.synced, watch.deployments.synced]);
        // A provider's pods come of its consumer's: without those there are none to wait for.
        const consumers = options.mesh.peerings
          .filter(({ provider }) => provider === name)
          .flatMap(({ consumer }) => watches.get(consumer) ?? []);
        for (const one of [...consumers, watch]) {
          const probe = () => {
            const isReady = one.waiting().length === 0;
            changed(name, isReady && one === watch);
            return isReady ? true : undefined;
          };
          await waitFor(probe, { signal, changes: one.changes });
        }
      }),
    );
  } catch (reason) {
    if (!deadline.aborted || lifetime.aborted) throw reason;
    const waiting = [...watches].flatMap(([name, watch]) =>
      watch.waiting().map((text) => `${name}: ${text}`),
    );
    const seconds = Math.round(options.timeout / 1000);
    throw new IsthmusError(
      "engine/start-timed-out",
      `after ${seconds} s these do not run:\n    ${waiting.join("\n    ")}`,
      {
        nextStep: `${options.state.log} says more. Nothing is left running.`,
      },
    );
  }
}

/** The token outlives the engine, so that a page that is open, or was kept as a bookmark, works with the next one. */
async function openConsole(
  running: RunningMesh,
  state: StateFolder,
  log: Logger,
  stops: Stop[],
): Promise<Console> {
  const kept = state.readJson<{ readonly token: string }>("console.json");
  const { token } = kept ?? { token: randomBytes(24).toString("base64url") };
  if (kept === undefined) state.writeJson("console.json", { token });
  const pages = await startConsole({
    source: consoleSource(running),
    token,
    clock: systemClock,
    log: log.child({ part: "console" }),
  });
  stops.push(() => pages.stop());
  return pages;
}

async function openControl(
  running: RunningMesh,
  state: StateFolder,
  log: Logger,
  stops: Stop[],
): Promise<void> {
  const control = await startControlServer(controlHandlers(running, log), log);
  stops.push(() => control.stop());
  state.announceEngine({ pid: process.pid, port: control.port, token: control.token });
  stops.push(async () => state.announceEngine(undefined));
}

async function stopAll(stops: Stop[], log: Logger): Promise<void> {
  for (const stop of stops.splice(0).reverse()) {
    try {
      await stop();
    } catch (reason) {
      log.error(
        { reason: reason instanceof Error ? reason.stack : String(reason) },
        "a part did not stop cleanly",
      );
    }
  }
}

function writeKubeconfig(file: string, clusters: ReadonlyMap<string, RunningCluster>): void {
  const entries = [...clusters].map(([name, { keys, server }]) => ({
    name,
    server,
    ca: keys.caCert,
    clientCert: keys.adminCert,
    clientKey: keys.adminKey,
  }));
  writeFileSync(file, formatYaml(formatKubeconfig(entries)), { mode: 0o600 });
}
