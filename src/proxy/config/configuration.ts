import { fromBinary } from "@bufbuild/protobuf";
import { ClusterSchema } from "../../xds/gen/envoy/config/cluster/v3/cluster_pb.js";
import { ClusterLoadAssignmentSchema } from "../../xds/gen/envoy/config/endpoint/v3/endpoint_pb.js";
import { RouteConfigurationSchema } from "../../xds/gen/envoy/config/route/v3/route_pb.js";
import { SecretSchema } from "../../xds/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.js";
import { type NameTable, NameTableSchema } from "../../xds/gen/istio/networking/nds/v1/nds_pb.js";
import { type TypeUrl, typeUrls } from "../../xds/index.ts";
import { type Assignment, readAssignment } from "../cluster/assignment.ts";
import { type Cluster, type ClusterDeps, createCluster } from "../cluster/cluster.ts";
import { compileCluster } from "../cluster/compile-cluster.ts";
import type { RouteDirectory, RouteSource } from "../http/http-chain.ts";
import {
  type CompiledListener,
  compileListener,
  type ListenerCompiler,
} from "../listener/compile-listener.ts";
import { compileRouteTable, type RouteTable } from "../router/route-table.ts";
import { checkSecret } from "../tls/check-secret.ts";
import type { SecretStore } from "../tls/secret-store.ts";
import type { TlsCompiler } from "../tls/tls-settings.ts";
import { ConfigError } from "./config-error.ts";
import { createResourceTable, type ResourceTable } from "./resource-table.ts";

/** One resource of a response. */
export interface IncomingResource {
  readonly name: string;
  readonly version: string;
  readonly bytes: Uint8Array;
}

/**
 * What the proxy was told and accepted, at work: clusters with their hosts, listeners, routes, secrets. A cluster
 * can be used once its endpoints came, a listener once its routes came; until then the one before stays.
 */
export interface Configuration {
  /** Takes one response. Good resources are used; the returned texts say what was wrong with the others, which keep their last good form. */
  apply(type: TypeUrl, resources: readonly IncomingResource[], removed: readonly string[]): string[];
  cluster(name: string): Cluster | undefined;
  clusters(): Iterable<Cluster>;
  /** Names to subscribe to. */
  wanted(type: TypeUrl): ReadonlySet<string>;
  table(type: TypeUrl): ResourceTable;
  readonly nameTable: NameTable | undefined;
  /** Clusters and listeners came and none waits for something. */
  readonly isComplete: boolean;
  /** Names of clusters and listeners that wait, for the log. */
  waiting(): string[];
  close(): void;
}

export interface ConfigurationDeps {
  readonly cluster: Omit<ClusterDeps, "onWarm" | "onChange">;
  readonly tls: TlsCompiler;
  readonly secrets: SecretStore;
  readonly isGateway: boolean;
  now(): number;
  /** A listener may take connections from now on, in place of one with the same name. */
  activateListener(listener: CompiledListener): void;
  removeListener(name: string): void;
  /** Something changed that others may want to know. */
  onChange(): void;
}

interface ClusterEntry {
  active: Cluster | undefined;
  warming: Cluster | undefined;
}

interface ListenerEntry {
  active: CompiledListener | undefined;
  warming: CompiledListener | undefined;
}

interface RouteHolder extends RouteSource {
  current: RouteTable | undefined;
}

export function createConfiguration(deps: ConfigurationDeps): Configuration {
  const tables = new Map<TypeUrl, ResourceTable>(
    Object.values(typeUrls).map((type) => [type, createResourceTable()]),
  );
  const clusters = new Map<string, ClusterEntry>();
  const listeners = new Map<string, ListenerEntry>();
  const assignments = new Map<string, Assignment>();
  /** Names of the clusters that have ever read a service's endpoints, so that an assignment finds them. */
  const readers = new Map<string, Set<string>>();
  const routes = new Map<string, RouteHolder>();
  /** Clusters and listeners that have something to wait for before they are used. */
  const unfinished = new Set<ClusterEntry | ListenerEntry>();
  const seen = new Set<TypeUrl>();
  let nameTable: NameTable | undefined;

  const directory: RouteDirectory = {
    source(name) {
      let holder = routes.get(name);
      if (holder === undefined) {
        holder = { current: undefined };
        routes.set(name, holder);
      }
      return holder;
    },
  };

  const compiler: ListenerCompiler = { tls: deps.tls, routes: directory, isGateway: deps.isGateway };

  function table(type: TypeUrl): ResourceTable {
    const found = tables.get(type);
    if (found === undefined) throw new Error(`cannot happen: no table for ${type}`);
    return found;
  }

  return {
    apply,
    cluster: (name) => clusters.get(name)?.active,
    *clusters() {
      for (const { active } of clusters.values()) if (active !== undefined) yield active;
    },
    wanted,
    table,
    get nameTable() {
      return nameTable;
    },
    get isComplete() {
      return seen.has(typeUrls.cluster) && seen.has(typeUrls.listener) && unfinished.size === 0;
    },
    waiting,
    close() {
      for (const { active, warming } of clusters.values()) {
        active?.close();
        warming?.close();
      }
    },
  };

  function apply(
    type: TypeUrl,
    resources: readonly IncomingResource[],
    removed: readonly string[],
  ): string[] {
    const problems: string[] = [];
    const known = table(type);
    seen.add(type);
    for (const { name, version, bytes } of resources) {
      if (known.isSame(name, version, bytes)) continue;
      try {
        take(type, name, bytes);
        known.put({ name, version, bytes, updated: deps.now() });
      } catch (reason) {
        // Not only ConfigError: bytes that don't parse must not end the proxy either.
        problems.push(`${name}: ${reason instanceof Error ? reason.message : String(reason)}`);
      }
    }
    for (const name of removed) drop(type, name);
    if (type === typeUrls.listener || type === typeUrls.route) warmListeners();
    forgetUnused();
    deps.onChange();
    return problems;
  }

  function take(type: TypeUrl, name: string, bytes: Uint8Array): void {
    switch (type) {
      case typeUrls.cluster:
        takeCluster(name, bytes);
        break;
      case typeUrls.endpoint:
        takeAssignment(name, bytes);
        break;
      case typeUrls.listener: {
        const entry = listeners.get(name);
        const compiled = compileListener(bytes, compiler, entry?.active);
        if (compiled.name !== name) throw new ConfigError(`listener is called ${compiled.name}`);
        const next = entry ?? { active: undefined, warming: undefined };
        next.warming = compiled;
        listeners.set(name, next);
        unfinished.add(next);
        return;
      }
      case typeUrls.route: {
        const compiled = compileRouteTable(fromBinary(RouteConfigurationSchema, bytes));
        const holder = directory.source(name) as RouteHolder;
        holder.current = compiled;
        return;
      }
      case typeUrls.secret: {
        const secret = fromBinary(SecretSchema, bytes);
        checkSecret(secret);
        deps.secrets.put(name, secret);
        break;
      }
      case typeUrls.nameTable:
        nameTable = fromBinary(NameTableSchema, bytes);
        return;
    }
  }

  function takeCluster(name: string, bytes: Uint8Array): void {
    const config = compileCluster(fromBinary(ClusterSchema, bytes), deps.tls);
    if (config.name !== name) throw new ConfigError(`cluster is called ${config.name}`);
    const entry = clusters.get(name) ?? { active: undefined, warming: undefined };
    entry.warming?.close();
    const made: Cluster = createCluster(
      config,
      {
        ...deps.cluster,
        onWarm() {
          // A cluster may be warm before the call that makes it returns.
          queueMicrotask(() => {
            if (entry.warming === made) activate(entry, made);
          });
        },
        onChange: deps.onChange,
      },
      entry.active,
    );
    clusters.set(name, entry);
    entry.warming = made;
    unfinished.add(entry);
    if (config.discovery === "eds") {
      const others = readers.get(config.serviceName);
      if (others === undefined) readers.set(config.serviceName, new Set([name]));
      else others.add(name);
      const assignment = assignments.get(config.serviceName);
      if (assignment !== undefined) made.assign(assignment);
    }
    if (made.isWarm) activate(entry, made);
  }

  function activate(entry: ClusterEntry, cluster: Cluster): void {
    entry.active?.close();
    entry.active = cluster;
    entry.warming = undefined;
    unfinished.delete(entry);
    deps.onChange();
  }

  function takeAssignment(name: string, bytes: Uint8Array): void {
    const assignment = readAssignment(fromBinary(ClusterLoadAssignmentSchema, bytes));
    assignments.set(name, assignment);
    for (const reader of readers.get(name) ?? []) {
      const entry = clusters.get(reader);
      if (entry === undefined) continue;
      const { active, warming } = entry;
      if (active?.config.discovery === "eds" && active.config.serviceName === name) active.assign(assignment);
      if (warming?.config.discovery === "eds" && warming.config.serviceName === name) {
        warming.assign(assignment);
        activate(entry, warming);
      }
    }
  }

  function drop(type: TypeUrl, name: string): void {
    switch (type) {
      case typeUrls.cluster: {
        const entry = clusters.get(name);
        entry?.active?.close();
        entry?.warming?.close();
        if (entry !== undefined) unfinished.delete(entry);
        clusters.delete(name);
        break;
      }
      case typeUrls.listener: {
        const entry = listeners.get(name);
        if (entry !== undefined) unfinished.delete(entry);
        listeners.delete(name);
        deps.removeListener(name);
        break;
      }
      case typeUrls.secret:
        deps.secrets.put(name, undefined);
        break;
      // Endpoints and routes go with what refers to them: a lone removal keeps the last good ones, as in Envoy.
      default:
        return;
    }
    table(type).remove(name);
  }

  function warmListeners(): void {
    for (const entry of listeners.values()) {
      const { warming } = entry;
      if (warming === undefined) continue;
      if ([...warming.routeNames].some((name) => routes.get(name)?.current === undefined)) continue;
      entry.warming = undefined;
      unfinished.delete(entry);
      entry.active = warming;
      deps.activateListener(warming);
    }
  }

  /** Forgets endpoints and routes that nothing refers to any more. */
  function forgetUnused(): void {
    const services = wanted(typeUrls.endpoint);
    for (const name of [...assignments.keys()]) {
      if (services.has(name)) continue;
      assignments.delete(name);
      table(typeUrls.endpoint).remove(name);
    }
    for (const name of [...readers.keys()]) if (!services.has(name)) readers.delete(name);
    const names = wanted(typeUrls.route);
    for (const name of [...routes.keys()]) {
      if (names.has(name)) continue;
      routes.delete(name);
      table(typeUrls.route).remove(name);
    }
  }

  function wanted(type: TypeUrl): ReadonlySet<string> {
    const names = new Set<string>();
    for (const { active, warming } of clusters.values()) {
      for (const cluster of [active, warming]) {
        if (cluster === undefined) continue;
        if (type === typeUrls.endpoint && cluster.config.discovery === "eds")
          names.add(cluster.config.serviceName);
        if (type === typeUrls.secret) for (const name of cluster.config.adsSecrets) names.add(name);
      }
    }
    for (const { active, warming } of listeners.values()) {
      for (const listener of [active, warming]) {
        if (listener === undefined) continue;
        if (type === typeUrls.route) for (const name of listener.routeNames) names.add(name);
        if (type === typeUrls.secret) for (const name of listener.adsSecrets) names.add(name);
      }
    }
    return names;
  }

  function waiting(): string[] {
    return [
      ...[...clusters].flatMap(([name, { warming }]) => (warming === undefined ? [] : [name])),
      ...[...listeners].flatMap(([name, { warming }]) => (warming === undefined ? [] : [name])),
    ];
  }
}
