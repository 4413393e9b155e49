import { systemClock } from "../../base/index.ts";
import type { ChartReference, Compiled, CompiledItem, Wave } from "../../compile/index.ts";
import {
  ApiError,
  apiVersionOf,
  type JsonObject,
  type Kind,
  type KubeClient,
  type KubeObject,
  kinds,
  kubeconfigToken,
  remoteKubeconfigIn,
  type Secret,
  tokenLife,
} from "../../kube/index.ts";
import { renewalTime } from "../../management/index.ts";
import { conflictsOf, type FieldConflict } from "../deliver/conflicts.ts";
import { findRelease, type HelmRelease } from "../helm/helm-release.ts";
import { isReleaseEntry, releaseEntry } from "../helm/release-entry.ts";
import { recordReference, releaseOfRecord } from "../helm/release-record.ts";
import { inventoryId, readInventory } from "../inventory.ts";
import { insideOf, inTurn, judgeLeftover } from "../leftovers.ts";
import { neededByOthers } from "../needed-by-others.ts";
import { createResourceMap, type ResourceMap } from "../resource-map.ts";
import { diffObjects, type FieldChange } from "./diff-objects.ts";
import { diffRelease } from "./diff-release.ts";

/** One thing that an apply would do. */
export interface PlannedChange {
  /** `release`: fields that isthmus set on somebody else's object are given up. */
  readonly action: "create" | "change" | "delete" | "release";
  /** "Helm release" for charts. */
  readonly kind: string;
  readonly namespace?: string;
  readonly name: string;
  /** Stage of the apply; absent for what goes, which is last. */
  readonly wave?: Wave;
  /** Why: the field of the mesh file, "helloworld.yaml:12" for a user's own object. */
  readonly from: string;
  /** Of a change. */
  readonly fields: readonly FieldChange[];
  /** What the API server says against it. */
  readonly refused?: string;
  /** Fields that others own with another value: an apply takes them only when it is told to. */
  readonly conflicts?: readonly FieldConflict[];
  /** What else there is to know, such as that something in a namespace keeps it. */
  readonly note?: string;
}

/** What an apply would do to one cluster, in its order. */
export interface ClusterPlan {
  readonly cluster: string;
  readonly changes: readonly PlannedChange[];
  /** Objects and releases that are as they should be. */
  readonly unchanged: number;
  /** What the changes do to objects and releases, as far as the API server lets it be known. */
  readonly effects: readonly PlannedEffect[];
}

/** An object or the values of a release before and after; absent: it is not there then. */
export type PlannedEffect =
  | { readonly kind: "object"; readonly before?: KubeObject; readonly after?: KubeObject }
  | {
      readonly kind: "release";
      readonly chart: string;
      readonly before?: JsonObject;
      readonly after: JsonObject;
    };

export interface PlanOptions {
  readonly cluster: string;
  readonly client: KubeClient;
  /** Of all clusters: others need something in this one too. */
  readonly compiled: Compiled;
}

/** How charts are called among planned changes. */
export const helmRelease = "Helm release";

/** Requests to one API server at a time. */
const width = 8;

/**
 * Compares a cluster with what its part of a mesh file asks for. Changes nothing: objects that are there are compared
 * with what the API server would make of them (server-side apply as a dry run, so its defaults and webhooks count).
 * Rejects when the API server can't be asked.
 */
export async function planCluster(options: PlanOptions): Promise<ClusterPlan> {
  const { cluster, client, compiled } = options;
  const items = [...(compiled.clusters.get(cluster) ?? []), ...neededByOthers(cluster, compiled)];
  const resources = createResourceMap(client);
  const place: Place = { client, resources, namespaces: new Set(), effects: [] };
  for (const { metadata } of (await client.list(kinds.namespaces)).items) place.namespaces.add(metadata.name);
  const wanted = new Set<string>();
  const releases: HelmRelease[] = [];
  const planned = await inOrder(items, async (item) => {
    if (item.kind === "chart") {
      wanted.add(inventoryId(releaseEntry(item.chart)));
      const release = await findRelease(client, item.chart.name, item.chart.namespace);
      if (release !== undefined) releases.push(release);
      return planChart(place, item.chart, item.wave, release);
    }
    const object = await placed(resources, item.object);
    wanted.add(inventoryId(object));
    return planObject(place, { ...item, object });
  });
  for (const { name, namespace, objects } of releases)
    for (const object of [...objects, recordReference(name, namespace)])
      wanted.add(inventoryId(await placed(resources, object, namespace)));
  const changes = planned.filter((change) => change !== undefined);
  return {
    cluster,
    changes: [...changes, ...(await planLeftovers(place, wanted))],
    unchanged: planned.length - changes.length,
    effects: place.effects,
  };
}

/** The cluster that objects are compared with. */
export interface Place {
  readonly client: KubeClient;
  readonly resources: ResourceMap;
  readonly namespaces: Set<string>;
  /** Of the changes found so far. */
  readonly effects: PlannedEffect[];
}

type ObjectItem = Exclude<CompiledItem, { kind: "chart" }>;

/** What an apply would do about one object; undefined when it is as it should be. Tells its effect to the place. */
export async function planObject(place: Place, item: ObjectItem): Promise<PlannedChange | undefined> {
  const { object, wave, from } = item;
  const writtenAt = item.kind === "object" ? item.writtenAt : undefined;
  const base = { ...nameOf(object), wave, from: writtenAt ?? from, fields: [] };
  const kind = await place.resources.find(object.apiVersion, object.kind);
  if (kind === undefined) {
    place.effects.push({ kind: "object", after: object });
    return { ...base, action: "create", note: "its kind is not served yet" };
  }
  const { name, namespace } = object.metadata;
  const present = await place.client.get(kind, name, namespace);
  if (item.kind === "generated-secret") {
    const due = present === undefined ? undefined : renewalNote(present as Secret, item.source);
    if (due !== undefined) return { ...base, action: "change", note: due };
    if (present !== undefined) return undefined;
    place.effects.push({ kind: "object", after: object });
    return { ...base, action: "create", note: "value not shown" };
  }
  if (present === undefined) {
    const canTry = namespace === undefined || place.namespaces.has(namespace);
    const tried = canTry ? await dryRun(place.client, kind, object) : object;
    if (typeof tried !== "string")
      place.effects.push({ kind: "object", after: { ...tried, ...typeOf(object) } });
    return { ...base, action: "create", ...(typeof tried === "string" ? { refused: tried } : {}) };
  }
  const { tried, conflicts } = await dryRunBeside(place.client, kind, object);
  if (typeof tried === "string") return { ...base, action: "change", refused: tried };
  const [before, after] = [
    { ...present, ...typeOf(object) },
    { ...tried, ...typeOf(object) },
  ];
  const fields = diffObjects(before, after);
  if (fields.length === 0) return undefined;
  place.effects.push({ kind: "object", before, after });
  return { ...base, action: "change", fields, ...(conflicts.length === 0 ? {} : { conflicts }) };
}

/** Why a credential that is there would be replaced; undefined: it would not. */
function renewalNote(
  present: Secret,
  source: Extract<CompiledItem, { kind: "generated-secret" }>["source"],
): string | undefined {
  if (source.kind !== "remote-credential" || source.lifetime === undefined) return undefined;
  const kubeconfig = remoteKubeconfigIn(present, source.cluster);
  if (kubeconfig === undefined) return undefined;
  if ((renewalTime(kubeconfig, source.lifetime) ?? 0) > systemClock.now()) return undefined;
  const life = tokenLife(kubeconfigToken(kubeconfig) ?? "");
  const why =
    life === undefined ? "its token has no end" : `its token ends ${new Date(life.expiresAt).toISOString()}`;
  return `value not shown; ${why}, the new one lives ${source.lifetime / 60} min`;
}

/** What the API server would make of an object that is there, and which of its fields are others'. */
async function dryRunBeside(
  client: KubeClient,
  kind: Kind,
  object: KubeObject,
): Promise<{ readonly tried: KubeObject | string; readonly conflicts: readonly FieldConflict[] }> {
  try {
    return { tried: await tryApply(client, kind, object, false), conflicts: [] };
  } catch (reason) {
    if (!(reason instanceof ApiError)) throw reason;
    const conflicts = conflictsOf(reason);
    if (conflicts.length === 0) return { tried: reason.message, conflicts };
    return { tried: await dryRun(client, kind, object), conflicts };
  }
}

function tryApply(client: KubeClient, kind: Kind, object: KubeObject, force: boolean): Promise<KubeObject> {
  const { name, namespace } = object.metadata;
  return client.patch(kind, name, object, {
    type: "apply",
    force,
    dryRun: true,
    ...(namespace === undefined ? {} : { namespace }),
  });
}

/** What the API server would make of the object, or its words against it. */
async function dryRun(client: KubeClient, kind: Kind, object: KubeObject): Promise<KubeObject | string> {
  try {
    return await tryApply(client, kind, object, true);
  } catch (reason) {
    if (reason instanceof ApiError) return reason.message;
    throw reason;
  }
}

function planChart(
  { effects }: Place,
  chart: ChartReference,
  wave: Wave,
  release: HelmRelease | undefined,
): PlannedChange | undefined {
  const base = { kind: helmRelease, namespace: chart.namespace, name: chart.name, wave, from: chart.from };
  // Istio's own are known by name, wherever they are taken from.
  const known = chart.origin === undefined ? chart.chart : (chart.chart.split("/").at(-1) ?? chart.chart);
  const effect = { kind: "release", chart: known, after: chart.values } as const;
  if (release === undefined) {
    effects.push(effect);
    return { ...base, action: "create", fields: [] };
  }
  const fields = diffRelease(release, chart);
  if (fields.length > 0) effects.push({ ...effect, before: release.values });
  return fields.length === 0 ? undefined : { ...base, action: "change", fields };
}

/** What isthmus applied earlier and nobody asks for now. */
async function planLeftovers(place: Place, wanted: ReadonlySet<string>): Promise<readonly PlannedChange[]> {
  const { made, found } = await readInventory(place.client);
  const left = <T>(entries: ReadonlyMap<string, T>) =>
    [...entries].filter(([id]) => !wanted.has(id)).map(([, entry]) => entry);
  const leaving = new Set([...made.keys()].filter((id) => !wanted.has(id)));
  const isLeaving = (object: KubeObject) => leaving.has(inventoryId(object));
  const changes = await inOrder(
    inTurn({ made: left(made), found: left(found) }),
    async ({ entry, isOurs }): Promise<PlannedChange | undefined> => {
      const { kind, name, namespace } = entry;
      if (isReleaseEntry(entry)) {
        const isThere =
          isOurs && (await findRelease(place.client, name, namespace ?? "default")) !== undefined;
        const gone = { kind: helmRelease, name, from: "not in the mesh file any more", fields: [] };
        const where = namespace === undefined ? {} : { namespace };
        return isThere ? { ...gone, ...where, action: "delete" } : undefined;
      }
      const verdict = await judgeLeftover({ ...place, isLeaving }, entry, isOurs);
      if (verdict.action === "nothing") return undefined;
      if (verdict.action === "delete")
        place.effects.push({
          kind: "object",
          before: { ...verdict.present, apiVersion: apiVersionOf(verdict.kind), kind: verdict.kind.kind },
        });
      const release = kind === "Secret" ? releaseOfRecord(name) : undefined;
      return {
        ...(release === undefined ? { kind, name } : { kind: helmRelease, name: release }),
        ...(namespace === undefined ? {} : { namespace }),
        from: "not in the mesh file any more",
        fields: [],
        ...(verdict.action === "keep"
          ? { action: "release", note: `it stays: ${insideOf(verdict.inside)} in it` }
          : { action: verdict.action }),
      };
    },
  );
  return changes.filter((change) => change !== undefined);
}

/** The object in the namespace where it goes. */
export async function placed(
  resources: ResourceMap,
  object: KubeObject,
  fallback = "default",
): Promise<KubeObject> {
  const kind = await resources.find(object.apiVersion, object.kind);
  const { namespace, ...metadata } = object.metadata;
  if (kind === undefined) return object;
  return {
    ...object,
    metadata: kind.namespaced ? { ...metadata, namespace: namespace ?? fallback } : metadata,
  };
}

function nameOf({ kind, metadata: { name, namespace } }: KubeObject) {
  return { kind, name, ...(namespace === undefined ? {} : { namespace }) };
}

function typeOf({ apiVersion, kind }: KubeObject) {
  return { apiVersion, kind };
}

/** Does `step` for every item, some at a time, and gives the results in the items' order. */
async function inOrder<T, R>(items: readonly T[], step: (item: T) => Promise<R>): Promise<readonly R[]> {
  const results: R[] = [];
  let next = 0;
  const work = async () => {
    for (let at = next++; at < items.length; at = next++) results[at] = await step(items[at] as T);
  };
  await Promise.all(Array.from({ length: width }, work));
  return results;
}
