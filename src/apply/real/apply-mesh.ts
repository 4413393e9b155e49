import { type Diagnostic, IsthmusError, type Logger, systemClock } from "../../base/index.ts";
import { warnOfPublishedKeys } from "../../ca/index.ts";
import { type Compiled, type Wave, waves } from "../../compile/index.ts";
import { kinds, startInformer } from "../../kube/index.ts";
import type { Mesh } from "../../mesh/index.ts";
import { clusterFailure } from "../cluster-failure.ts";
import { applyCompiled, type ClusterOutcome } from "../deliver/apply-compiled.ts";
import type { AppliedWave } from "../deliver/apply-options.ts";
import type { ApplyTarget } from "../deliver/applying.ts";
import { findHelm } from "../helm/find-helm.ts";
import { createHelm, type Helm } from "../helm/helm-cli.ts";
import { findRelease } from "../helm/helm-release.ts";
import { installRelease, isInFolder } from "../helm/install-release.ts";
import { diffRelease } from "../plan/diff-release.ts";
import type { TrustFolders } from "../trust.ts";
import { apiAddress } from "./api-address.ts";
import { federateOnce } from "./federate-once.ts";
import type { RealCluster } from "./real-cluster.ts";
import { realGate } from "./real-gates.ts";
import { realTrust } from "./real-trust.ts";

export interface ApplyMeshOptions {
  readonly mesh: Mesh;
  readonly compiled: Compiled;
  /** Those that can be reached. */
  readonly clusters: ReadonlyMap<string, RealCluster>;
  /** Why the others can't. */
  readonly unreachable: ReadonlyMap<string, IsthmusError>;
  /** Where generated CAs are kept. */
  readonly trustFolders: TrustFolders;
  /** Most milliseconds that one step waits. */
  readonly timeout: number;
  /** Takes over fields that others own. */
  readonly force: boolean;
  readonly signal: AbortSignal;
  readonly log: Logger;
  /** The user's helm when not given. */
  readonly helm?: Helm;
  /** How long the helm of an earlier apply that was cut off may still work, in milliseconds; see `SettleOptions`. */
  readonly patience?: number;
  /** Told of folders of generated CAs that were made. */
  created(folder: string): void;
  begins(cluster: string, wave: AppliedWave): void;
  /** Told that a wave's gate is passed. */
  passed(cluster: string, wave: Wave): void;
  waiting(cluster: string, what: string | undefined): void;
  deleted(cluster: string, objects: readonly string[]): void;
}

/** Requests to one API server at a time. */
const width = 8;

/**
 * Applies a mesh to clusters known by kubeconfigs, in waves with gates, charts by the user's helm. What is wrong for all is said
 * before anything is changed: cluster/loopback-address, tool/missing, trust/….
 */
export async function applyMesh(options: ApplyMeshOptions): Promise<readonly ClusterOutcome[]> {
  const { mesh, compiled, clusters, signal, log, timeout } = options;
  const helm = options.helm ?? createHelm({ folder: mesh.folder, signal });
  if (options.helm === undefined) await checkHelmFor(compiled, clusters);
  const addresses = await addressesFor(mesh, compiled, clusters);
  const trust = await realTrust(mesh, options.trustFolders, clusters, systemClock.now());
  for (const folder of trust.created) options.created(folder);
  const stop = new AbortController();
  const ends = AbortSignal.any([signal, stop.signal]);
  const wait = { addressTimeout: timeout, signal, log, waiting: options.waiting };
  const targets = new Map<string, ApplyTarget>();
  for (const { name, client, server, ca } of clusters.values())
    targets.set(name, {
      client,
      services: startInformer(client, kinds.services, { signal: ends, log }),
      ...(addresses.get(name) ?? { server, apiCa: ca ?? "" }),
      caFiles: trust.files.get(name),
    });
  const begun = new Map<string, Wave>();
  const isServing = (name: string) =>
    waves.indexOf(begun.get(name) ?? "namespaces") > waves.indexOf("credentials");
  const gate = realGate(mesh, wait, isServing);
  const mended = new Map<string, Diagnostic[]>();
  try {
    const outcomes = await applyCompiled(compiled, {
      ...wait,
      targets,
      unreachable: options.unreachable,
      width,
      force: options.force,
      unserved: "wait",
      begins(cluster, wave) {
        begun.set(cluster, wave.wave);
        options.begins(cluster, wave);
      },
      deleted: options.deleted,
      async installChart(chart, cluster) {
        const target = targetOf(clusters, cluster.name);
        const warn = (warning: Diagnostic) =>
          mended.set(cluster.name, [...(mended.get(cluster.name) ?? []), warning]);
        await installRelease(chart, cluster, { ...wait, helm, target, warn, patience: options.patience });
      },
      async gate(cluster, wave, others) {
        await gate(cluster, wave, others);
        options.passed(cluster.name, wave.wave);
      },
      uninstall: (cluster, release) => helm.uninstall(release, targetOf(clusters, cluster.name)),
    });
    const applied = outcomes.flatMap(({ cluster, failure }) =>
      failure === undefined ? (clusters.get(cluster) ?? []) : [],
    );
    const behind = await federateOnce(applied, { ...wait, mesh, timeout });
    return outcomes.map((outcome) => {
      const { cluster } = outcome;
      const [failure, ca] = [behind.get(cluster), trust.files.get(cluster)];
      const published = ca === undefined ? [] : warnOfPublishedKeys(new Map([[cluster, ca]]));
      return {
        ...outcome,
        warnings: [...published, ...(mended.get(cluster) ?? []), ...outcome.warnings],
        ...(failure === undefined ? {} : { failure }),
      };
    });
  } finally {
    stop.abort();
  }
}

function targetOf(clusters: ReadonlyMap<string, RealCluster>, name: string): RealCluster["helm"] {
  const cluster = clusters.get(name);
  if (cluster === undefined) throw new Error(`${name} was not reached`);
  return cluster.helm;
}

/** Throws tool/missing without helm, unless every release is there already. */
export async function checkHelmFor(
  { clusters: compiled }: Compiled,
  clusters: ReadonlyMap<string, RealCluster>,
): Promise<void> {
  if (findHelm() !== undefined) return;
  for (const { name, client } of clusters.values())
    for (const item of compiled.get(name) ?? []) {
      if (item.kind !== "chart") continue;
      const release = await findRelease(client, item.chart.name, item.chart.namespace);
      if (release !== undefined && !isInFolder(item.chart) && diffRelease(release, item.chart).length === 0)
        continue;
      throw new IsthmusError(
        "tool/missing",
        `helm is needed to install chart ${item.chart.chart} in ${name}, and none is on PATH`,
        {
          nextStep:
            "Install helm 3 (https://helm.sh/docs/intro/install), or name its program with HELM_PATH; then run this again. Nothing was changed.",
        },
      );
    }
}

/** Addresses of the APIs that other clusters read; all wrong ones at once. */
async function addressesFor(
  mesh: Mesh,
  { clusters: compiled }: Compiled,
  clusters: ReadonlyMap<string, RealCluster>,
): Promise<ReadonlyMap<string, Pick<ApplyTarget, "server" | "apiCa">>> {
  const read = new Set(
    [...compiled.values()].flatMap((items) =>
      items.flatMap((item) =>
        item.kind === "generated-secret" && item.source.kind === "remote-credential"
          ? [item.source.cluster]
          : [],
      ),
    ),
  );
  const found = await Promise.allSettled(
    [...clusters.values()]
      .filter(({ name }) => read.has(name))
      .map(async (cluster) => {
        const own = [...mesh.clusters.values()].find(({ name }) => name === cluster.name);
        try {
          return [cluster.name, await apiAddress(cluster, own?.server)] as const;
        } catch (reason) {
          throw clusterFailure(cluster.name, reason);
        }
      }),
  );
  const wrong = found.flatMap((one) => (one.status === "rejected" ? [one.reason as unknown] : []));
  const [first, ...more] = wrong;
  if (first !== undefined) {
    if (more.length === 0 || !wrong.every((one) => one instanceof IsthmusError)) throw first;
    const all = wrong as readonly IsthmusError[];
    throw new IsthmusError(all[0]?.code ?? "internal", all.map(({ message }) => message).join("\n  "), {
      nextStep: all.map(({ nextStep = "" }) => nextStep).join("\n  "),
    });
  }
  return new Map(found.flatMap((one) => (one.status === "fulfilled" ? [one.value] : [])));
}
