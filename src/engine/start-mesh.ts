import { writeFileSync } from "node:fs";
import {
  createSignal,
  type Diagnostic,
  IsthmusError,
  type Logger,
  systemClock,
  waitFor,
} from "../base/index.ts";
import type { Compiled } from "../compile/index.ts";
import { formatKubeconfig, formatYaml } from "../kube/index.ts";
import type { Mesh } from "../mesh/index.ts";
import { standsInFor } from "../runtime/index.ts";
import { addressesOf, apiPort, claimBlocks } from "./address-blocks.ts";
import { type ApplyTarget, applyCompiled } from "./apply/apply-compiled.ts";
import { chartStandIns } from "./charts/index.ts";
import { type ClusterWatch, watchCluster } from "./cluster-watch.ts";
import { controlHandlers } from "./control-handlers.ts";
import { startControlServer } from "./control-server.ts";
import { imageWarnings } from "./images.ts";
import type { ClusterProgress, Progress, Timings } from "./progress.ts";
import type { StateFolder } from "./state-folder.ts";
import { loadTrust, type MeshTrust } from "./trust.ts";
import { type RunningCluster, startCluster, wireMesh } from "./wire.ts";

export interface StartMeshOptions {
  readonly mesh: Mesh;
  readonly compiled: Compiled;
  readonly state: StateFolder;
  /** Keep nothing but the kubeconfig and the log. */
  readonly ephemeral: boolean;
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
  readonly clusters: ReadonlyMap<string, RunningCluster>;
  readonly watches: ReadonlyMap<string, ClusterWatch>;
  readonly trust: MeshTrust;
  readonly startedAt: number;
  readonly readyAfter: ReadonlyMap<string, number>;
  readonly kubeconfig: string;
  realPort(address: string, port: number): number;
  /** Resolves when the mesh has ended. */
  readonly ended: Promise<void>;
  stop(): Promise<void>;
}

/**
 * Starts the mesh and resolves when every workload runs. Rejects when something fails, the time is over or
 * `signal` aborts; then everything that was started has ended again and nothing is left behind.
 */
export async function startMesh(options: StartMeshOptions): Promise<RunningMesh> {
  const { mesh, state, log, timings, signal, progress } = options;
  const startedAt = systemClock.now();
  state.lock();
  const stops: (() => Promise<void> | void)[] = [() => state.unlock()];
  let stopping: Promise<void> | undefined;
  const stop = () => {
    stopping ??= stopAll(stops, log);
    return stopping;
  };
  try {
    const stopped = new AbortController();
    const lifetime = AbortSignal.any([signal, stopped.signal]);
    stops.push(() => stopped.abort());
    const trust = loadTrust(mesh, state.trust, startedAt);
    for (const folder of trust.created)
      progress({ kind: "note", text: `made ${folder}: a root and an intermediate per cluster` });
    timings.mark("trust");

    const names = [...mesh.clusters.keys()];
    const remembered = new Map(Object.entries(state.readJson<Record<string, number>>("blocks.json") ?? {}));
    const blocks = await claimBlocks(names, remembered);
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
    if (!options.ephemeral)
      state.writeJson(
        "blocks.json",
        Object.fromEntries([...blocks].map(([name, { block }]) => [name, block])),
      );
    timings.mark("address blocks");

    const parts = wireMesh({
      mesh,
      clock: systemClock,
      log,
      warn: (text) => progress({ kind: "note", text }),
    });
    stops.push(() => parts.network.stop());
    const clusters = new Map<string, RunningCluster>();
    await Promise.all(
      [...mesh.clusters.values()].map(async (cluster) => {
        const claimed = blocks.get(cluster.name);
        if (claimed === undefined) return;
        const place = { folder: state.clusterFolder(cluster.name), persistent: !options.ephemeral };
        clusters.set(cluster.name, await startCluster(cluster, claimed, parts, place));
      }),
    );
    stops.push(async () => {
      await Promise.all([...clusters.values()].map((cluster) => cluster.stop()));
    });
    timings.mark("clusters");
    writeKubeconfig(state.kubeconfig, names, clusters);

    const hasNoStandIn = (image: string) => !standsInFor(image, parts.standIns, mesh.images);
    const watches = new Map(
      [...clusters].map(([name, { client }]) => [
        name,
        watchCluster(client, { signal: lifetime, log, hasNoStandIn }),
      ]),
    );
    for (const diagnostic of imageWarnings(options.compiled, hasNoStandIn))
      progress({ kind: "warning", diagnostic });

    const readyAfter = new Map<string, number>();
    const waitingFor = new Map<string, string>();
    const describe = (name: string) =>
      clusterProgress(mesh, name, blocks.get(name)?.block ?? 0, watches.get(name), readyAfter, waitingFor);
    progress({ kind: "clusters", mesh: mesh.name, lines: names.map(describe) });

    const targets = new Map<string, ApplyTarget>();
    for (const [name, { client, server, keys }] of clusters) {
      const caFiles = trust.files.get(name);
      const services = watches.get(name)?.services;
      if (caFiles !== undefined && services !== undefined)
        targets.set(name, { client, services, server, apiCa: keys.caCert, caFiles });
    }
    const deadline = AbortSignal.timeout(options.timeout);
    const applied = applyCompiled(options.compiled, {
      targets,
      charts: chartStandIns(),
      istioVersion: mesh.istio.version,
      addressTimeout: options.timeout,
      signal: lifetime,
      log,
      waiting(cluster, what) {
        if (what === undefined) waitingFor.delete(cluster);
        else waitingFor.set(cluster, what);
        progress({ kind: "cluster", cluster: describe(cluster) });
      },
    });
    for (const diagnostic of await applied)
      progress({ kind: "warning", diagnostic: diagnostic as Diagnostic });
    timings.mark("objects applied");

    const ready = [...watches].map(([name, watch]) =>
      waitUntilReady(name, watch, AbortSignal.any([lifetime, deadline]), () =>
        progress({ kind: "cluster", cluster: describe(name) }),
      ).then(() => {
        readyAfter.set(name, systemClock.now() - startedAt);
        progress({ kind: "cluster", cluster: describe(name) });
      }),
    );
    try {
      await Promise.all(ready);
    } catch (reason) {
      if (!deadline.aborted || signal.aborted) throw reason;
      throw notReady([...watches], options.timeout);
    }
    timings.mark("workloads ready");

    let end = () => {};
    const ended = new Promise<void>((resolve) => {
      end = resolve;
    });
    const running: RunningMesh = {
      mesh,
      clusters,
      watches,
      trust,
      startedAt,
      readyAfter,
      kubeconfig: state.kubeconfig,
      realPort: (address, port) => parts.network.realPort(address, port),
      ended,
      async stop() {
        await stop();
        end();
      },
    };
    const control = await startControlServer(controlHandlers(running), log);
    stops.push(() => control.stop());
    state.announceEngine({ pid: process.pid, port: control.port, token: control.token });
    stops.push(() => state.announceEngine(undefined));
    return running;
  } catch (reason) {
    await stop();
    throw reason;
  }
}

async function stopAll(stops: (() => Promise<void> | void)[], log: Logger): Promise<void> {
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

async function waitUntilReady(
  _name: string,
  watch: ClusterWatch,
  signal: AbortSignal,
  changed: () => void,
): Promise<void> {
  await Promise.all([watch.pods.synced, watch.services.synced, watch.deployments.synced]);
  const settled = createSignal();
  watch.changes.subscribe(() => settled.notify(), signal);
  await waitFor(
    () => {
      changed();
      return watch.waiting().length === 0 ? true : undefined;
    },
    { signal, changes: settled },
  );
}

function notReady(watches: readonly (readonly [string, ClusterWatch])[], timeout: number): IsthmusError {
  const waiting = watches.flatMap(([name, watch]) => watch.waiting().map((text) => `${name}: ${text}`));
  return new IsthmusError(
    "engine/start-timed-out",
    `after ${Math.round(timeout / 1000)} s these do not run:\n    ${waiting.join("\n    ")}`,
    {
      nextStep: "The engine's log says more (engine.log in the state folder). Nothing is left running.",
    },
  );
}

function writeKubeconfig(
  file: string,
  names: readonly string[],
  clusters: ReadonlyMap<string, RunningCluster>,
): void {
  const entries = names.flatMap((name) => {
    const cluster = clusters.get(name);
    if (cluster === undefined) return [];
    const { keys, server } = cluster;
    return [{ name, server, ca: keys.caCert, clientCert: keys.adminCert, clientKey: keys.adminKey }];
  });
  writeFileSync(file, formatYaml(formatKubeconfig(entries)), { mode: 0o600 });
}

function clusterProgress(
  mesh: Mesh,
  name: string,
  block: number,
  watch: ClusterWatch | undefined,
  readyAfter: ReadonlyMap<string, number>,
  waitingFor: ReadonlyMap<string, string>,
): ClusterProgress {
  const cluster = [...mesh.clusters.values()].find((one) => one.name === name);
  const { ingress, eastwest } = cluster?.gateways ?? {};
  const after = readyAfter.get(name);
  const waiting = waitingFor.get(name);
  return {
    name,
    ...(cluster?.network === undefined ? {} : { network: cluster.network }),
    ...(cluster?.region === undefined ? {} : { region: cluster.region }),
    api: `${addressesOf(block).api}:${apiPort}`,
    controlPlane:
      cluster === undefined || cluster.primary === cluster.name ? "istiod" : `← ${cluster.primary}`,
    gateways: [
      ...(ingress === undefined ? [] : ["ingress"]),
      ...(eastwest === undefined ? [] : ["east-west"]),
    ],
    pods: watch?.podCount ?? { ready: 0, total: 0 },
    ...(waiting === undefined ? {} : { waitingFor: waiting }),
    ...(after === undefined ? {} : { readyAfter: after }),
  };
}
