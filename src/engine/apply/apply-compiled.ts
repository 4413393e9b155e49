import {
  createResourceMap,
  fillLateValues,
  openInventory,
  prune,
  type ResourceMap,
} from "../../apply/index.ts";
import {
  createSignal,
  type Diagnostic,
  IsthmusError,
  type Logger,
  type Signal,
  waitFor,
} from "../../base/index.ts";
import { type ChartReference, type Compiled, type CompiledItem, waves } from "../../compile/index.ts";
import { ApiError, type KubeObject, kinds, startInformer } from "../../kube/index.ts";
import type { Applying, ApplyTarget } from "./applying.ts";
import { fillSecret } from "./generated-secret.ts";
import { type RenderedChart, recordForHelm } from "./helm-record.ts";
import { nodePortHolders } from "./node-port-holders.ts";
import { addressOf } from "./service-address.ts";
import { whenOffloaded } from "./when-offloaded.ts";
import { whenWebhooksAnswer } from "./when-webhooks-answer.ts";

export interface ApplyOptions {
  readonly targets: ReadonlyMap<string, ApplyTarget>;
  /** The objects of a chart whose values are complete; none when it is not run here. */
  renderChart(
    chart: ChartReference,
    release: { readonly cluster: string; isInstalled(object: KubeObject): boolean },
  ): readonly KubeObject[] | Promise<readonly KubeObject[]>;
  /** How long to wait for a load balancer's address or an admission webhook, in milliseconds. */
  readonly addressTimeout: number;
  readonly signal: AbortSignal;
  readonly log: Logger;
  /** Told what is waited for; undefined when the wait is over. */
  waiting(cluster: string, what: string | undefined): void;
  /** Told what was deleted since it is no longer in the mesh file: "Deployment sample/curl". */
  deleted(cluster: string, objects: readonly string[]): void;
}

/**
 * Applies everything that compile made, all clusters side by side, each in its own order, and then deletes what an
 * earlier mesh file asked for and this one does not. By server-side apply with force: a field that a manifest sets
 * has its value afterwards, and one that it leaves open keeps what others gave it, such as replicas of a scale.
 *
 * Objects of kinds that a cluster does not serve are returned as warnings and applied as soon as their CRD appears.
 * Rejects with manifest/refused when an API server refuses an object, gateway/no-address when an address does not
 * come, peering/refused and peering/not-established when a namespace does not come to its providers; then nothing is
 * deleted.
 */
export async function applyCompiled(
  compiled: Compiled,
  options: ApplyOptions,
): Promise<readonly Diagnostic[]> {
  const clusters = new Map<string, Applying>();
  await Promise.all(
    [...compiled.clusters.keys()].map(async (name) => {
      const target = options.targets.get(name);
      if (target === undefined) return;
      const resources = createResourceMap(target.client);
      const inventory = await openInventory(target.client, resources);
      clusters.set(name, { ...target, name, resources, inventory });
    }),
  );
  const applied = [...clusters.values()].map((cluster) =>
    applyCluster(cluster, compiled.clusters.get(cluster.name) ?? [], clusters, options),
  );
  const warnings = (await Promise.all(applied)).flat();
  // Only now: a cluster's own objects come from others too, such as the token that another's control plane reads it with.
  const pruned = [...clusters.values()].map(async ({ name, client, resources, inventory }) => {
    const { deleted, warnings } = await prune(name, client, resources, inventory);
    if (deleted.length > 0) options.deleted(name, deleted);
    return warnings;
  });
  return [...warnings, ...(await Promise.all(pruned)).flat()];
}

async function applyCluster(
  cluster: Applying,
  items: readonly CompiledItem[],
  clusters: ReadonlyMap<string, Applying>,
  options: ApplyOptions,
): Promise<readonly Diagnostic[]> {
  const { name } = cluster;
  const unserved: KubeObject[] = [];
  const apply = async (object: KubeObject) => {
    if (!(await applyObject(cluster, object, options))) unserved.push(object);
  };
  const note = async (objects: readonly KubeObject[]) =>
    cluster.inventory.note(await Promise.all(objects.map((object) => place(cluster.resources, object))));
  let offloading: KubeObject[] = [];
  for (const batch of batchesOf(items)) {
    options.signal.throwIfAborted();
    if (batch.kind === "objects" && batch.items.some(makesPods)) {
      await whenOffloaded(cluster, offloading, options);
      offloading = [];
    }
    if (batch.kind === "chart") {
      const rendered = await renderChart(batch.chart, cluster, options);
      const release = await recordForHelm(rendered, cluster.client);
      const isDefinition = ({ kind }: KubeObject) => kind === "CustomResourceDefinition";
      const [definitions, others] = [
        rendered.objects.filter(isDefinition),
        rendered.objects.filter((object) => !isDefinition(object)),
      ];
      // First, so that it is known of the others' kinds whether they have namespaces.
      await note(definitions);
      for (const object of definitions) await apply(object);
      await note(release === undefined ? others : [...others, release.record]);
      for (const object of others) await apply(object);
      if (release?.isHelms === false) await apply(release.record);
      continue;
    }
    await note(batch.items.map(({ object }) => object));
    for (const item of batch.items) {
      options.signal.throwIfAborted();
      if (item.wave === "peerings") offloading.push(item.object);
      await apply(
        item.kind === "object"
          ? item.object
          : await fillSecret(item.object, item.source, cluster, clusters, options),
      );
    }
  }
  if (unserved.length > 0) void applyWhenServed(cluster, unserved, options);
  return unserved.map(({ apiVersion, kind, metadata }) => ({
    severity: "warning",
    code: "mesh/kind-not-served",
    path: ["clusters", name],
    message: `${name}: ${kind} ${metadata.name} (${apiVersion}) waits for its CustomResourceDefinition`,
    hint: "it is applied as soon as something, mostly a chart, installs its definition",
  }));
}

type ChartItem = Extract<CompiledItem, { kind: "chart" }>;
type ObjectItem = Exclude<CompiledItem, ChartItem>;

/** Charts one by one, and what stands between them together: objects that are listed in the inventory in one go. */
function batchesOf(
  items: readonly CompiledItem[],
): readonly (ChartItem | { readonly kind: "objects"; readonly items: readonly ObjectItem[] })[] {
  const batches: (ChartItem | { readonly kind: "objects"; readonly items: ObjectItem[] })[] = [];
  for (const item of items) {
    const last = batches.at(-1);
    if (item.kind === "chart") batches.push(item);
    else if (last?.kind === "objects") last.items.push(item);
    else batches.push({ kind: "objects", items: [item] });
  }
  return batches;
}

/** Whether pods may come of an item that may belong on a provider. Those of the control plane are the consumer's own. */
function makesPods({ wave }: ObjectItem): boolean {
  return waves.indexOf(wave) > waves.indexOf("control-plane");
}

/** The object in the namespace where it goes; as it is when its kind is not served. */
async function place(resources: ResourceMap, object: KubeObject): Promise<KubeObject> {
  const kind = await resources.find(object.apiVersion, object.kind);
  if (kind === undefined) return object;
  const { namespace: written, ...metadata } = object.metadata;
  return {
    ...object,
    metadata: kind.namespaced ? { ...metadata, namespace: written ?? "default" } : metadata,
  };
}

async function applyObject(
  { client, resources, name }: Applying,
  object: KubeObject,
  options: ApplyOptions,
): Promise<boolean> {
  const kind = await resources.find(object.apiVersion, object.kind);
  if (kind === undefined) return false;
  const placed = await place(resources, object);
  try {
    await whenWebhooksAnswer(name, options, () => client.apply(kind, placed));
  } catch (reason) {
    if (!(reason instanceof ApiError)) throw reason;
    const from = object.metadata.annotations?.["isthmus.dev/from"];
    const holders = await nodePortHolders(client, placed, reason);
    throw new IsthmusError(
      "manifest/refused",
      `${name} refuses ${object.kind} ${object.metadata.name}: ${reason.message}${holders === "" ? "" : `; ${holders}`}`,
      {
        cause: reason,
        nextStep:
          from === undefined
            ? "Mend the manifest, then run isthmus up again."
            : `It comes from ${from} of the mesh file.`,
      },
    );
  }
  return true;
}

async function renderChart(
  reference: ChartReference,
  { name: cluster, inventory }: Applying,
  options: ApplyOptions,
): Promise<RenderedChart> {
  const values = await fillLateValues(reference.values, (late) => addressOf(late, cluster, options));
  const chart = { ...reference, values: values as Readonly<Record<string, unknown>> };
  const isInstalled = (object: KubeObject) => inventory.has(object);
  return { chart, objects: await options.renderChart(chart, { cluster, isInstalled }) };
}

/** Applies `objects` when a CustomResourceDefinition begins to serve their kinds. Ends when all are applied or the mesh stops. */
async function applyWhenServed(
  cluster: Applying,
  objects: readonly KubeObject[],
  options: ApplyOptions,
): Promise<void> {
  const { signal, log } = options;
  const { client, resources, name } = cluster;
  const done = new AbortController();
  const ended = AbortSignal.any([signal, done.signal]);
  const crds = startInformer(client, kinds.customResourceDefinitions, { signal: ended, log });
  const changed: Signal = createSignal();
  crds.changes.subscribe(() => changed.notify(), ended);
  let left = objects;
  try {
    await waitFor(
      async () => {
        resources.forget();
        const still: KubeObject[] = [];
        for (const object of left) {
          const applied = await applyObject(cluster, object, options).catch((reason: unknown) => {
            log.warn(
              { cluster: name, kind: object.kind, name: object.metadata.name, reason: String(reason) },
              "not applied",
            );
            return true;
          });
          if (!applied) still.push(object);
        }
        left = still;
        return left.length === 0 ? true : undefined;
      },
      { signal: ended, changes: changed },
    );
  } catch {
    // The mesh stopped first.
  } finally {
    done.abort();
  }
}
