import { createRetry, IsthmusError, systemClock } from "../../base/index.ts";
import type { Compiled } from "../../compile/index.ts";
import {
  ApiError,
  type Kind,
  type KubeClient,
  type KubeObject,
  kinds,
  systemNamespace,
} from "../../kube/index.ts";
import { isMadeByManagement } from "../../management/index.ts";
import type { Mesh } from "../../mesh/index.ts";
import type { Helm } from "../helm/helm-cli.ts";
import { findRelease } from "../helm/helm-release.ts";
import { isReleaseEntry } from "../helm/release-entry.ts";
import {
  type InventoryEntry,
  inventoryName,
  inventoryNamespace,
  type ListedObjects,
  readInventory,
} from "../inventory.ts";
import { entryName, insideOf, inTurn, judgeLeftover, type Place, releaseFields } from "../leftovers.ts";
import { createResourceMap } from "../resource-map.ts";
import { findOurs } from "./find-ours.ts";
import { deleteRuntimeObjects, isRuntimeObject } from "./istio-runtime-objects.ts";
import type { RealCluster } from "./real-cluster.ts";

export interface RemoveOptions {
  readonly mesh: Mesh;
  readonly compiled: Compiled;
  readonly helm: Helm;
  /** Also the namespaces that the mesh file lists for the user's own workloads. */
  readonly namespaces: boolean;
  /** Most milliseconds until everything is gone. */
  readonly timeout: number;
  readonly signal: AbortSignal;
  waiting(cluster: string, what: string | undefined): void;
}

/** What was in a cluster of ours, and what is left. In words: "Deployment sample/curl". */
export interface Removal {
  readonly cluster: string;
  readonly before: readonly string[];
  /** Empty, or something could not be removed. */
  readonly after: readonly string[];
  /** What stays on purpose, with why: "Namespace sample: it is yours". */
  readonly kept: readonly string[];
}

/**
 * Takes everything of ours out of a cluster: objects by the inventory, releases by helm, what Istio's control plane and the
 * management plane made, then definitions and namespaces in which nothing of anybody else is left, the inventory last. What is gone already is
 * passed over, so that it can be run again. Looks through all kinds of the cluster before and after.
 */
export async function removeMesh(cluster: RealCluster, options: RemoveOptions): Promise<Removal> {
  const { name, client } = cluster;
  const resources = createResourceMap(client);
  const listed = await readInventory(client);
  const before = await findOurs(client, resources, listed);
  const kept: string[] = [];
  const isLeaving = (object: KubeObject) => isRuntimeObject(object);
  const place: Place = { client, resources, isLeaving };

  const entries = inTurn({ made: [...listed.made.values()], found: [...listed.found.values()] });
  const isLast = ({ kind }: InventoryEntry) => kind === "Namespace" || kind === "CustomResourceDefinition";
  for (const { entry, isOurs } of entries.filter(({ entry }) => !isReleaseEntry(entry) && !isLast(entry)))
    await settle(place, entry, isOurs);
  await deleteManaged(client, await resources.listableKinds());
  await uninstallReleases(cluster, listed, options);
  resources.forget();
  await deleteRuntimeObjects(client);
  for (const { entry, isOurs } of entries.filter(({ entry }) => entry.kind === "CustomResourceDefinition"))
    if (isOurs) kept.push(...(await removeDefinition(place, entry)));
  const users = usersNamespaces(name, options);
  for (const { entry, isOurs } of entries.filter(({ entry }) => entry.kind === "Namespace"))
    kept.push(...(await removeNamespace(place, entry, isOurs && !users.has(entry.name))));
  const after = await untilGone(cluster, listed, kept, options);
  if (after.length === 0)
    await client.delete(kinds.configMaps, inventoryName, { namespace: inventoryNamespace });
  return { cluster: name, before: before.filter((one) => !isKept(one, kept)), after, kept };
}

/** Deletes an object that is ours, and gives up fields of one that was there before. */
async function settle(place: Place, entry: InventoryEntry, isOurs: boolean): Promise<void> {
  const verdict = await judgeLeftover(place, entry, isOurs);
  if (verdict.action === "release") await releaseFields(place.client, verdict.kind, verdict.present);
  if (verdict.action === "delete") await deleteObject(place.client, verdict.kind, verdict.present);
}

async function deleteObject(client: KubeClient, kind: Kind, { metadata }: KubeObject): Promise<void> {
  const { name, namespace, uid } = metadata;
  await client.delete(kind, name, {
    ...(namespace === undefined ? {} : { namespace }),
    propagationPolicy: "Background",
    ...(uid === undefined ? {} : { preconditions: { uid } }),
  });
}

/** Deletes what the management plane made: after its pods, which would make it again, and before the definitions of its kinds. */
async function deleteManaged(client: KubeClient, all: readonly Kind[]): Promise<void> {
  for (const kind of all.filter(({ group }) => /\.(istio|isthmus)\.(io|dev)$/.test(group)))
    for (const object of (await client.list(kind)).items.filter(isMadeByManagement))
      await deleteObject(client, kind, object);
}

/** The last ones first: control planes before the definitions that they read. */
async function uninstallReleases(
  { name, client, helm: target }: RealCluster,
  { made }: ListedObjects,
  { compiled, helm, waiting }: RemoveOptions,
): Promise<void> {
  const order = (compiled.clusters.get(name) ?? []).flatMap((item) =>
    item.kind === "chart" ? [`${item.chart.namespace}/${item.chart.name}`] : [],
  );
  const releases = [...made.values()]
    .filter(isReleaseEntry)
    .map((entry) => ({ name: entry.name, namespace: entry.namespace ?? "default" }))
    .sort((a, b) => turnOf(b) - turnOf(a));
  for (const release of releases) {
    if ((await findRelease(client, release.name, release.namespace)) === undefined) continue;
    waiting(name, `helm, release ${release.name}`);
    await helm.uninstall(release, target);
  }
  waiting(name, undefined);

  /** Those that the file does not know any more go first. */
  function turnOf(release: { readonly name: string; readonly namespace: string }): number {
    const turn = order.indexOf(`${release.namespace}/${release.name}`);
    return turn < 0 ? order.length : turn;
  }
}

/** Deletes a definition when no object of its kind is left; else says why it stays. */
async function removeDefinition({ client, resources }: Place, entry: InventoryEntry): Promise<string[]> {
  const present = await client.get(kinds.customResourceDefinitions, entry.name);
  if (present === undefined) return [];
  const { group, names, versions } = (present["spec"] ?? {}) as {
    readonly group?: string;
    readonly names?: { readonly kind?: string };
    readonly versions?: readonly { readonly name: string; readonly served?: boolean }[];
  };
  const version = versions?.find(({ served }) => served !== false)?.name;
  const kind = await resources.find(`${group}/${version}`, names?.kind ?? "");
  const left = kind === undefined ? [] : (await client.list(kind)).items;
  const objects = left.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  if (objects.length > 0) {
    const named = objects.map(({ metadata }) =>
      entryName({
        apiVersion: "",
        kind: names?.kind ?? "",
        name: metadata.name,
        ...(metadata.namespace === undefined ? {} : { namespace: metadata.namespace }),
      }),
    );
    return [`${entryName(entry)}: ${insideOf(named)} of its kind`];
  }
  await deleteObject(client, kinds.customResourceDefinitions, present);
  return [];
}

/** Deletes a namespace of ours in which nothing else is left; else gives it up and says why it stays. */
async function removeNamespace(place: Place, entry: InventoryEntry, isOurs: boolean): Promise<string[]> {
  const verdict = await judgeLeftover(place, entry, isOurs);
  switch (verdict.action) {
    case "nothing":
      return [];
    case "delete":
      await deleteObject(place.client, verdict.kind, verdict.present);
      return [];
    case "release":
      await releaseFields(place.client, verdict.kind, verdict.present);
      return [`${entryName(entry)}: it is yours`];
    case "keep":
      await releaseFields(place.client, verdict.kind, verdict.present);
      return [`${entryName(entry)}: ${insideOf(verdict.inside)} in it`];
  }
}

/** Namespaces that the mesh file lists: what is in them is more than the mesh, and they stay unless `namespaces` go too. */
export function usersNamespaces(
  cluster: string,
  { mesh, namespaces }: Pick<RemoveOptions, "mesh" | "namespaces">,
): ReadonlySet<string> {
  if (namespaces) return new Set();
  const own = [...mesh.clusters.values()].find(({ name }) => name === cluster);
  return new Set((own?.namespaces ?? []).map(({ name }) => name).filter((name) => name !== systemNamespace));
}

/** Waits for finalizers: load balancers go before their Services do. Gives what is still there when the time is over. */
async function untilGone(
  { name, client }: RealCluster,
  listed: ListedObjects,
  kept: readonly string[],
  { timeout, signal, waiting }: RemoveOptions,
): Promise<readonly string[]> {
  const retry = createRetry(systemClock, { first: 100, most: 2000 });
  const until = systemClock.now() + timeout;
  try {
    for (;;) {
      signal.throwIfAborted();
      const left = (await findOurs(client, createResourceMap(client), listed)).filter(
        (one) => !isKept(one, kept),
      );
      if (left.length === 0 || systemClock.now() > until) return left;
      waiting(name, `the end of ${insideWords(left)}`);
      await retry.wait(signal);
    }
  } catch (reason) {
    if (reason instanceof ApiError)
      throw new IsthmusError("cluster/unreachable", `the API of ${name} answers: ${reason.message}`, {
        cause: reason,
      });
    throw reason;
  } finally {
    waiting(name, undefined);
  }
}

function isKept(one: string, kept: readonly string[]): boolean {
  return kept.some((text) => text.startsWith(`${one}:`));
}

function insideWords([first = "", ...others]: readonly string[]): string {
  return others.length === 0 ? first : `${first} and ${others.length} more`;
}
