import { type Diagnostic, IsthmusError } from "../../base/index.ts";
import {
  type ChartReference,
  type Compiled,
  type CompiledItem,
  type Wave,
  waves,
} from "../../compile/index.ts";
import type { KubeObject } from "../../kube/index.ts";
import { clusterFailure } from "../cluster-failure.ts";
import type { HelmReleaseName } from "../helm/release-entry.ts";
import { openInventory } from "../inventory.ts";
import { fillLateValues } from "../late-values.ts";
import { neededByOthers } from "../needed-by-others.ts";
import { prune } from "../prune.ts";
import { createResourceMap } from "../resource-map.ts";
import { applyObject, place } from "./apply-object.ts";
import type { AppliedWave, ApplyOptions } from "./apply-options.ts";
import type { Applying, ApplyTarget } from "./applying.ts";
import { fillSecret } from "./generated-secret.ts";
import { inTurns } from "./in-turn.ts";
import type { Others } from "./others.ts";
import { addressOf } from "./service-address.ts";
import { whenEstablished } from "./when-established.ts";
import { whenIssued } from "./when-issued.ts";
import { whenOffloaded } from "./when-offloaded.ts";
import { applyWhenServed, untilServed } from "./when-served.ts";

/** What became of one cluster. */
export interface ClusterOutcome {
  readonly cluster: string;
  /** Why it did not come to its end; then nothing of it was deleted. */
  readonly failure?: IsthmusError | undefined;
  readonly warnings: readonly Diagnostic[];
  /** In words: "Deployment sample/curl". */
  readonly deleted: readonly string[];
}

/**
 * Applies everything that compile made, all clusters side by side, each in its own order, and then deletes what an
 * earlier mesh file asked for and this one does not. By server-side apply: a field that a manifest sets has its value
 * afterwards, and one that it leaves open keeps what others gave it, such as replicas of a scale. Whatever was done by an
 * apply that was cut off is found done, so that the next one resumes.
 *
 * A cluster that fails does not end the others, unless they need something of it. Objects of kinds that a cluster does not
 * serve are warnings, and applied as soon as their CRD appears, or waited for. Outcomes hold manifest/refused and
 * apply/conflict when an API server refuses an object, gateway/no-address when an address does not come, apply/blocked when
 * another cluster failed before, peering/refused and peering/not-established when a namespace does not come to its
 * providers. Rejects only when the signal aborts.
 */
export async function applyCompiled(
  compiled: Compiled,
  options: ApplyOptions,
): Promise<readonly ClusterOutcome[]> {
  const failing = new Map<string, AbortController>();
  const applying = new Map<string, Applying>();
  const others: Others = { applying, unreachable: options.unreachable ?? new Map() };
  const opened = await Promise.allSettled(
    [...compiled.clusters.keys()].map(async (name) => {
      const target = options.targets.get(name);
      return target === undefined ? undefined : ([name, await open(name, target, failing)] as const);
    }),
  );
  const unread = new Map(others.unreachable);
  const names = [...compiled.clusters.keys()];
  for (const [i, one] of opened.entries()) {
    if (one.status === "rejected") unread.set(names[i] ?? "", clusterFailure(names[i] ?? "", one.reason));
    else if (one.value !== undefined) applying.set(...one.value);
  }
  const all: Others = { applying, unreachable: unread };
  const outcomes = await Promise.all(
    names
      .filter((name) => options.targets.has(name))
      .map(async (name): Promise<ClusterOutcome> => {
        const cluster = applying.get(name);
        if (cluster === undefined)
          return { cluster: name, failure: unread.get(name), warnings: [], deleted: [] };
        try {
          const warnings = await applyCluster(cluster, compiled.clusters.get(name) ?? [], all, options);
          return { cluster: name, warnings, deleted: [] };
        } catch (reason) {
          const failure = clusterFailure(name, reason);
          failing.get(name)?.abort(failure);
          return { cluster: name, failure, warnings: [], deleted: [] };
        }
      }),
  );
  options.signal.throwIfAborted();
  // Only now: a cluster's own objects come from others too, such as the token that another's control plane reads it with.
  return Promise.all(
    outcomes.map(async (outcome) => {
      const cluster = applying.get(outcome.cluster);
      if (cluster === undefined || "failure" in outcome) return outcome;
      try {
        return await pruneCluster(cluster, outcome, compiled, options);
      } catch (reason) {
        return { ...outcome, failure: clusterFailure(cluster.name, reason) };
      }
    }),
  );
}

async function open(
  name: string,
  target: ApplyTarget,
  failing: Map<string, AbortController>,
): Promise<Applying> {
  const resources = createResourceMap(target.client);
  const inventory = await openInventory(target.client, resources);
  const stop = new AbortController();
  failing.set(name, stop);
  return { ...target, name, resources, inventory, failed: stop.signal };
}

async function pruneCluster(
  cluster: Applying,
  outcome: ClusterOutcome,
  compiled: Compiled,
  options: ApplyOptions,
): Promise<ClusterOutcome> {
  const { name, client, resources, inventory } = cluster;
  // Another cluster may have failed before it came to need them.
  for (const { object } of neededByOthers(name, compiled)) inventory.expect(await place(resources, object));
  const { uninstall } = options;
  const { deleted, warnings } = await prune(name, client, resources, inventory, {
    ...(uninstall === undefined
      ? {}
      : { uninstall: (release: HelmReleaseName) => uninstall(cluster, release) }),
  });
  if (deleted.length > 0) options.deleted(name, deleted);
  return { ...outcome, deleted, warnings: [...outcome.warnings, ...warnings] };
}

async function applyCluster(
  cluster: Applying,
  items: readonly CompiledItem[],
  others: Others,
  options: ApplyOptions,
): Promise<readonly Diagnostic[]> {
  const { name } = cluster;
  const unserved: KubeObject[] = [];
  const write = async (object: KubeObject) => {
    if (!(await applyObject(cluster, object, options))) unserved.push(object);
  };
  const note = async (objects: readonly KubeObject[]) =>
    cluster.inventory.note(await Promise.all(objects.map((object) => place(cluster.resources, object))));
  const warnings: Diagnostic[] = [];
  let offloading: KubeObject[] = [];
  for (const { wave, batches, applied } of byWave(items)) {
    options.signal.throwIfAborted();
    options.begins?.(name, applied);
    if (waves.indexOf(wave) > waves.indexOf("control-plane")) {
      await whenOffloaded(cluster, offloading, options);
      offloading = [];
    }
    const issued: IssuedItem[] = [];
    for (const batch of batches) {
      options.signal.throwIfAborted();
      if (batch.kind === "chart") {
        const chart = await withAddresses(batch.chart, cluster, others, options);
        await options.installChart(chart, cluster, { note, write });
        continue;
      }
      const definitions = batch.items.filter(isDefinition);
      // First, so that it is known of the others' kinds whether they have namespaces.
      if (definitions.length > 0) {
        await note(definitions.map(({ object }) => object));
        for (const { object } of definitions) await write(object);
        await whenEstablished(
          cluster,
          definitions.map(({ object }) => object),
          options,
        );
      }
      const rest = batch.items.filter((item) => !isDefinition(item));
      await note(rest.map(({ object }) => object));
      await inTurns(rest, options.width ?? 1, async (item) => {
        options.signal.throwIfAborted();
        if (item.wave === "peerings") offloading.push(item.object);
        if (isIssued(item)) {
          issued.push(item);
          return;
        }
        const made = await withContent(item, cluster, others, options);
        if ("warning" in made) warnings.push(made.warning);
        else await write(made.object);
      });
    }
    // After everything that an issuer may need: cert-manager itself, whose kinds may only just be served.
    if (issued.length > 0 && unserved.length > 0)
      await untilServed(cluster, unserved.splice(0), {
        ...options,
        addressTimeout: Math.min(options.addressTimeout, servedWithin),
      });
    for (const { object, source } of issued) await whenIssued(cluster, object, source, others, options);
    await options.gate?.(cluster, applied, others);
  }
  if (unserved.length === 0) return warnings;
  if (options.unserved === "wait") {
    await untilServed(cluster, unserved, options);
    return warnings;
  }
  void applyWhenServed(cluster, unserved, options, (object, reason) =>
    options.log.warn(
      { cluster: name, kind: object.kind, name: object.metadata.name, reason: String(reason) },
      "not applied",
    ),
  ).catch(() => {}); // The mesh stopped first.
  return [
    ...warnings,
    ...unserved.map(
      ({ apiVersion, kind, metadata }): Diagnostic => ({
        severity: "warning",
        code: "mesh/kind-not-served",
        path: ["clusters", name],
        message: `${name}: ${kind} ${metadata.name} (${apiVersion}) waits for its CustomResourceDefinition`,
        hint: "it is applied as soon as something, mostly a chart, installs its definition",
      }),
    ),
  ];
}

type ChartItem = Extract<CompiledItem, { kind: "chart" }>;
type ObjectItem = Exclude<CompiledItem, ChartItem>;
type Batch = ChartItem | { readonly kind: "objects"; readonly items: readonly ObjectItem[] };

/** Kinds whose definitions are there are served within this many milliseconds; others will not be. */
const servedWithin = 15_000;

type IssuedItem = Extract<CompiledItem, { kind: "generated-secret" }> & {
  readonly source: { readonly kind: "issued" };
};

interface WaveItems {
  readonly wave: Wave;
  /** Charts one by one, and what stands between them together: objects that are listed in the inventory in one go. */
  readonly batches: readonly Batch[];
  readonly applied: AppliedWave;
}

function byWave(items: readonly CompiledItem[]): readonly WaveItems[] {
  return waves.flatMap((wave) => {
    const own = items.filter((item) => item.wave === wave);
    if (own.length === 0) return [];
    const objects = own.flatMap((item) => (item.kind === "chart" ? [] : [item.object]));
    const charts = own.flatMap((item) => (item.kind === "chart" ? [item.chart] : []));
    return [{ wave, batches: batchesOf(own), applied: { wave, objects, charts } }];
  });
}

function batchesOf(items: readonly CompiledItem[]): readonly Batch[] {
  const batches: (ChartItem | { readonly kind: "objects"; readonly items: ObjectItem[] })[] = [];
  for (const item of items) {
    const last = batches.at(-1);
    if (item.kind === "chart") batches.push(item);
    else if (last?.kind === "objects") last.items.push(item);
    else batches.push({ kind: "objects", items: [item] });
  }
  return batches;
}

/** Whether others make the Secret, which is waited for. */
function isIssued(item: ObjectItem): item is IssuedItem {
  return item.kind === "generated-secret" && item.source.kind === "issued";
}

function isDefinition({ object }: ObjectItem): boolean {
  return object.kind === "CustomResourceDefinition";
}

/** The object with everything in it; a warning in its place when it is about a cluster of which nothing can be had now. */
async function withContent(
  item: ObjectItem,
  cluster: Applying,
  others: Others,
  options: ApplyOptions,
): Promise<{ readonly object: KubeObject } | { readonly warning: Diagnostic }> {
  if (item.kind === "object" || item.source.kind === "issued") return item;
  try {
    return { object: await fillSecret(item.object, item.source, cluster, others, options) };
  } catch (reason) {
    if (!(reason instanceof IsthmusError && reason.code === "apply/blocked")) throw reason;
    if (item.source.kind !== "remote-credential") throw reason;
    return {
      warning: {
        severity: "warning",
        code: "mesh/credential-missing",
        path: ["clusters", item.source.cluster],
        message: `${cluster.name} has no new credential for ${item.source.cluster}: ${reason.message}`,
        hint: "it goes on with the one it has; run this again when the cluster is back",
      },
    };
  }
}

async function withAddresses(
  reference: ChartReference,
  cluster: Applying,
  others: Others,
  options: ApplyOptions,
): Promise<ChartReference> {
  const values = await fillLateValues(reference.values, (late) =>
    addressOf(late, cluster.name, others, options),
  );
  return { ...reference, values: values as Readonly<Record<string, unknown>> };
}
