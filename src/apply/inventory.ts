import { groupVersion, type KubeClient, type KubeObject, kinds } from "../kube/index.ts";
import { findRelease } from "./helm/helm-release.ts";
import { isReleaseEntry } from "./helm/release-entry.ts";
import type { ResourceMap } from "./resource-map.ts";

/** What an inventory knows of an object. */
export interface InventoryEntry {
  readonly apiVersion: string;
  readonly kind: string;
  /** Absent for objects without namespace. */
  readonly namespace?: string;
  readonly name: string;
}

/** What of a cluster's earlier inventory was not noted again. */
export interface Leftovers {
  /** Made by isthmus. */
  readonly made: readonly InventoryEntry[];
  /** There before isthmus applied to them: they are somebody else's. */
  readonly found: readonly InventoryEntry[];
}

/**
 * The objects that isthmus applied to one cluster, so that it can take away again what leaves the mesh file. Kept in
 * the cluster, as a ConfigMap: it lives as long as the objects that it lists, survives and is lost together with
 * them, and is the same for an embedded and for a real cluster, whoever applies from whichever machine. In the
 * namespace `default`, since that is in every cluster from the start, open to administrators, and no object of a mesh.
 *
 * It is written before the objects that it newly lists, so a start that is cut off leaves nothing unlisted. One
 * writer at a time.
 */
export interface Inventory {
  /** Whether an earlier start, or this one, applied the object. */
  has(object: KubeObject): boolean;
  /** Notes objects that are about to be applied, as they will be, and writes down those that are new. */
  note(objects: readonly KubeObject[]): Promise<void>;
  /** Notes objects that a program made for isthmus, such as definitions that a chart of the mesh brings. */
  own(objects: readonly KubeObject[]): Promise<void>;
  /** Counts an object as noted, when it is listed, though it was not applied this time. */
  expect(object: KubeObject): void;
  /** What an earlier start noted and this one did not. Only complete when everything is noted. */
  leftovers(): Leftovers;
  /** Drops entries that are settled. */
  forget(entries: readonly InventoryEntry[]): Promise<void>;
}

/** The manager under which KubeClient.apply owns fields. */
const fieldManager = "isthmus";
export const inventoryName = "isthmus-inventory";
export const inventoryNamespace = "default";

type Entries = Map<string, InventoryEntry>;

/** What a cluster's inventory lists, by `inventoryId`. Nothing when there is none. */
export interface ListedObjects {
  /** Made by isthmus. */
  readonly made: ReadonlyMap<string, InventoryEntry>;
  /** There before isthmus applied to them. */
  readonly found: ReadonlyMap<string, InventoryEntry>;
}

/** Reads a cluster's inventory and changes nothing. */
export async function readInventory(client: KubeClient): Promise<ListedObjects> {
  const stored = await client.get(kinds.configMaps, inventoryName, inventoryNamespace);
  return { made: parseEntries(stored?.data?.["made"]), found: parseEntries(stored?.data?.["found"]) };
}

/** Reads the cluster's inventory, or begins it. */
export async function openInventory(client: KubeClient, resources: ResourceMap): Promise<Inventory> {
  const listed = await readInventory(client);
  const [made, found] = [new Map(listed.made), new Map(listed.found)];
  const noted = new Set<string>();
  let writing: Promise<void> = Promise.resolve();

  const save = () => {
    writing = writing
      .catch(() => {}) // Its own caller has heard of it; this one tries anew.
      .then(async () => {
        await client.apply(kinds.configMaps, {
          apiVersion: "v1",
          kind: "ConfigMap",
          metadata: {
            name: inventoryName,
            namespace: inventoryNamespace,
            labels: { "app.kubernetes.io/managed-by": "isthmus" },
          },
          data: { made: formatEntries(made), found: formatEntries(found) },
        });
      });
    return writing;
  };
  /** Whether somebody else had made the object before isthmus applied to it for the first time. */
  const isForeign = async (entry: InventoryEntry): Promise<boolean> => {
    const { apiVersion, kind, namespace, name } = entry;
    if (isReleaseEntry(entry)) return (await findRelease(client, name, namespace ?? "default")) !== undefined;
    const resource = await resources.find(apiVersion, kind);
    if (resource === undefined) return false;
    const present = await client.get(resource, name, namespace);
    return present !== undefined && !isApplied(present);
  };

  return {
    has(object) {
      const id = inventoryId(object);
      return made.has(id) || found.has(id);
    },
    async note(objects) {
      const entries = objects.map(entryOf);
      for (const entry of entries) noted.add(idOf(entry));
      const fresh = entries.filter((entry) => !made.has(idOf(entry)) && !found.has(idOf(entry)));
      if (fresh.length === 0) return;
      const foreign = await Promise.all(fresh.map(isForeign));
      for (const [i, entry] of fresh.entries()) (foreign[i] === true ? found : made).set(idOf(entry), entry);
      await save();
    },
    async own(objects) {
      const entries = objects.map(entryOf);
      for (const entry of entries) noted.add(idOf(entry));
      const fresh = entries.filter((entry) => !made.has(idOf(entry)) && !found.has(idOf(entry)));
      if (fresh.length === 0) return;
      for (const entry of fresh) made.set(idOf(entry), entry);
      await save();
    },
    expect(object) {
      noted.add(inventoryId(object));
    },
    leftovers() {
      const left = (entries: Entries) =>
        [...entries].filter(([id]) => !noted.has(id)).map(([, entry]) => entry);
      return { made: left(made), found: left(found) };
    },
    async forget(entries) {
      if (entries.length === 0) return;
      for (const entry of entries) {
        made.delete(idOf(entry));
        found.delete(idOf(entry));
      }
      await save();
    },
  };
}

/** Whether isthmus owns fields of the object by server-side apply: not so of one that was made anew by somebody else. */
export function isApplied({ metadata }: KubeObject): boolean {
  return (metadata.managedFields ?? []).some(
    ({ manager, operation }) => manager === fieldManager && operation === "Apply",
  );
}

/**
 * Whether nobody owns a field of the object: so it is with one that was applied without any, such as an account that has a name
 * and nothing else.
 */
export function isBare({ metadata }: KubeObject): boolean {
  return (metadata.managedFields ?? []).length === 0;
}

function entryOf({ apiVersion, kind, metadata: { name, namespace } }: KubeObject): InventoryEntry {
  return { apiVersion, kind, name, ...(namespace === undefined ? {} : { namespace }) };
}

/** What tells objects apart in an inventory: the same for all versions of a kind. */
export function inventoryId({ apiVersion, kind, metadata }: KubeObject): string {
  return idOf(entryOf({ apiVersion, kind, metadata }));
}

function idOf({ apiVersion, kind, namespace = "", name }: InventoryEntry): string {
  return `${groupVersion(apiVersion).group} ${kind} ${namespace}/${name}`;
}

/** One line each, in order: "apps/v1 Deployment sample/curl", "v1 Namespace sample". */
function formatEntries(entries: Entries): string {
  const lines = [...entries.values()].map(
    ({ apiVersion, kind, namespace, name }) =>
      `${apiVersion} ${kind} ${namespace === undefined ? "" : `${namespace}/`}${name}\n`,
  );
  return lines.sort().join("");
}

/** Lines of another form are left out: what isthmus can't read it did not write. */
function parseEntries(text = ""): Entries {
  const entries: Entries = new Map();
  for (const line of text.split("\n")) {
    const [, apiVersion, kind, namespace, name] = /^(\S+) (\S+) (?:([^\s/]+)\/)?([^\s/]+)$/.exec(line) ?? [];
    if (apiVersion === undefined || kind === undefined || name === undefined) continue;
    const entry = { apiVersion, kind, name, ...(namespace === undefined ? {} : { namespace }) };
    entries.set(idOf(entry), entry);
  }
  return entries;
}
