import { create, type Message } from "@bufbuild/protobuf";
import type { Cluster } from "../../xds/gen/envoy/config/cluster/v3/cluster_pb.js";
import { ClusterLoadAssignmentSchema } from "../../xds/gen/envoy/config/endpoint/v3/endpoint_pb.js";
import { RouteConfigurationSchema } from "../../xds/gen/envoy/config/route/v3/route_pb.js";
import { type Snapshot, type TypeUrl, typeUrls } from "../../xds/index.ts";
import { isEds } from "../translate/clusters.ts";
import { encodeResource, type NamedResource } from "./encode.ts";

/** What a proxy refused, as its NACK says it. */
export interface Rejection {
  readonly message: string;
  readonly nonce: string;
  readonly at: number;
}

/** What one stream wants of one type of resource, and what it was sent. */
export interface Watch {
  readonly typeUrl: TypeUrl;
  /** Undefined: everything there is. */
  names: Set<string> | undefined;
  /** The resources as they were when last sent; undefined before the first answer. */
  sent: ReadonlyMap<string, Message> | undefined;
  /** Versions that the proxy brought along from an earlier stream. */
  known: Map<string, string>;
  /** To be sent even if unchanged: asked for again, or needed by a proxy to go on. */
  readonly forced: Set<string>;
  nonceSent: string;
  nonceAcked: string;
  versionAcked: string;
  rejection: Rejection | undefined;
  sentAt: number;
}

export function createWatch(typeUrl: TypeUrl): Watch {
  return {
    typeUrl,
    names: undefined,
    sent: undefined,
    known: new Map(),
    forced: new Set(),
    nonceSent: "",
    nonceAcked: "",
    versionAcked: "",
    rejection: undefined,
    sentAt: 0,
  };
}

const none: ReadonlyMap<string, Message> = new Map();
const nameTables = new WeakMap<Message, ReadonlyMap<string, Message>>();

/** A snapshot's resources of one type by name. The name table is one resource without a name. */
export function resourcesOf(snapshot: Snapshot, typeUrl: TypeUrl): ReadonlyMap<string, Message> {
  switch (typeUrl) {
    case typeUrls.cluster:
      return snapshot.clusters;
    case typeUrls.endpoint:
      return snapshot.endpoints;
    case typeUrls.listener:
      return snapshot.listeners;
    case typeUrls.route:
      return snapshot.routes;
    case typeUrls.secret:
      return snapshot.secrets;
    case typeUrls.nameTable: {
      let table = nameTables.get(snapshot.nameTable);
      if (table === undefined) {
        table = new Map([["", snapshot.nameTable]]);
        nameTables.set(snapshot.nameTable, table);
      }
      return table;
    }
    default:
      return none;
  }
}

/** Types of which a subscription without names means everything. */
export function isWildcardType(typeUrl: TypeUrl): boolean {
  return typeUrl === typeUrls.cluster || typeUrl === typeUrls.listener || typeUrl === typeUrls.nameTable;
}

/** What has to be sent so that a stream has `next`. */
export interface Update {
  readonly resources: readonly NamedResource[];
  readonly removed: readonly string[];
}

/** The difference between what a watch was sent and what there is. Undefined: nothing to say. */
export function updateFor(watch: Watch, next: ReadonlyMap<string, Message>): Update | undefined {
  const { names, sent, typeUrl, forced, known } = watch;
  if (sent === next && forced.size === 0) return undefined;
  const resources: NamedResource[] = [];
  const removed: string[] = [];
  const candidates =
    sent === undefined
      ? (names ?? new Set([...next.keys(), ...known.keys()]))
      : new Set([...changedNames(sent, next), ...forced]);
  for (const name of candidates) {
    if (names !== undefined && !names.has(name)) continue;
    const before = sent?.get(name);
    const existing = next.get(name);
    if (existing === undefined && (before !== undefined || known.has(name)) && !forced.has(name)) {
      // Secrets are never taken back: their absence is not a reason to stop serving with what is there.
      if (typeUrl !== typeUrls.secret) removed.push(name);
      continue;
    }
    const message = existing ?? placeholder(typeUrl, name);
    if (message === undefined) {
      // A proxy that asks by name for what is not there must hear so: else it waits for it.
      if (forced.has(name) || sent === undefined) removed.push(name);
      continue;
    }
    const resource = encodeResource(typeUrl, message);
    const oldVersion = before === undefined ? known.get(name) : encodeResource(typeUrl, before).version;
    if (oldVersion !== resource.version || forced.has(name)) resources.push({ name, resource });
  }
  return sent === undefined || resources.length > 0 || removed.length > 0
    ? { resources, removed }
    : undefined;
}

const changes = new WeakMap<
  ReadonlyMap<string, Message>,
  WeakMap<ReadonlyMap<string, Message>, readonly string[]>
>();

/** Names that stand for another object in the second map. Found once for all streams that go from one to the other. */
function changedNames(
  before: ReadonlyMap<string, Message>,
  after: ReadonlyMap<string, Message>,
): readonly string[] {
  if (before === after) return [];
  let known = changes.get(before);
  if (known === undefined) {
    known = new WeakMap();
    changes.set(before, known);
  }
  let names = known.get(after);
  if (names === undefined) {
    const found: string[] = [];
    for (const [name, message] of after) if (before.get(name) !== message) found.push(name);
    for (const name of before.keys()) if (!after.has(name)) found.push(name);
    names = found;
    known.set(after, names);
  }
  return names;
}

const unions = new WeakMap<
  ReadonlyMap<string, Message>,
  WeakMap<ReadonlyMap<string, Message>, ReadonlyMap<string, Message>>
>();

/**
 * `next` and what of `sent` is not in it any more; `next` itself when nothing is missing. The same map for all
 * streams that go from one to the other.
 */
export function withLeaving(
  sent: ReadonlyMap<string, Message> | undefined,
  next: ReadonlyMap<string, Message>,
): ReadonlyMap<string, Message> {
  if (sent === undefined) return next;
  const leaving = changedNames(sent, next).filter((name) => !next.has(name));
  if (leaving.length === 0) return next;
  let known = unions.get(sent);
  if (known === undefined) {
    known = new WeakMap();
    unions.set(sent, known);
  }
  let union = known.get(next);
  if (union === undefined) {
    const all = new Map(next);
    for (const name of leaving) {
      const message = sent.get(name);
      if (message !== undefined) all.set(name, message);
    }
    union = all;
    known.set(next, union);
  }
  return union;
}

const placeholders = new Map<string, Message>();
const mostPlaceholders = 10_000;

/**
 * What a proxy gets for a name that doesn't exist: nothing inside, so that it doesn't wait for it. The same
 * object each time, so that it counts as unchanged.
 */
function placeholder(typeUrl: TypeUrl, name: string): Message | undefined {
  if (typeUrl !== typeUrls.endpoint && typeUrl !== typeUrls.route) return undefined;
  const key = `${typeUrl}\n${name}`;
  let made = placeholders.get(key);
  if (made === undefined) {
    if (placeholders.size >= mostPlaceholders) placeholders.clear();
    made =
      typeUrl === typeUrls.endpoint
        ? create(ClusterLoadAssignmentSchema, { clusterName: name })
        : create(RouteConfigurationSchema, { name, validateClusters: false });
    placeholders.set(key, made);
  }
  return made;
}

/** Clusters of an update whose endpoints must be sent again: a changed cluster waits for them before it serves. */
export function warmingClusters(update: Update, clusters: ReadonlyMap<string, Cluster>): string[] {
  return update.resources.flatMap(({ name }) => {
    const cluster = clusters.get(name);
    return cluster !== undefined && isEds(cluster) ? [name] : [];
  });
}
