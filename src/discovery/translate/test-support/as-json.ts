import assert from "node:assert/strict";
import { type DescMessage, type JsonValue, type MessageShape, toJson } from "@bufbuild/protobuf";
import { ClusterSchema } from "../../../xds/gen/envoy/config/cluster/v3/cluster_pb.js";
import { ListenerSchema } from "../../../xds/gen/envoy/config/listener/v3/listener_pb.js";
import { RouteConfigurationSchema } from "../../../xds/gen/envoy/config/route/v3/route_pb.js";
import { resourceRegistry } from "../../serve/resource-registry.ts";
import type { ProxySnapshot } from "../snapshot.ts";

/** JSON of a resource, read without casts: fields and items that are not there are undefined. */
export type Shown = { readonly [field: string]: Shown } | undefined;

/** A cluster of a snapshot as JSON. */
export function shownCluster(snapshot: ProxySnapshot, name: string): Shown {
  return shown(ClusterSchema, snapshot.clusters.get(name));
}

/** A listener of a snapshot as JSON. */
export function shownListener(snapshot: ProxySnapshot, name: string): Shown {
  return shown(ListenerSchema, snapshot.listeners.get(name));
}

/** A virtual host of a route table as JSON. */
export function shownHost(snapshot: ProxySnapshot, table: string, domain: string): Shown {
  const config = shown(RouteConfigurationSchema, snapshot.routes.get(table));
  const hosts: unknown = config?.["virtualHosts"];
  const list: readonly Shown[] = Array.isArray(hosts) ? hosts : [];
  return list.find((host) => {
    const domains: unknown = host?.["domains"];
    return Array.isArray(domains) && domains.includes(domain);
  });
}

function shown<D extends DescMessage>(schema: D, message: MessageShape<D> | undefined): Shown {
  if (message === undefined) return undefined;
  const json: JsonValue = toJson(schema, message, { registry: resourceRegistry });
  return json as Shown;
}

/** Asserts that JSON has the fields that `expected` names, with these values; undefined: not there. Lists count in full. */
export function assertShows(actual: unknown, expected: unknown): void {
  assert.deepEqual(part(actual, expected), expected);
}

function part(actual: unknown, expected: unknown): unknown {
  if (Array.isArray(actual) && Array.isArray(expected)) {
    return actual.map((item: unknown, index) =>
      index < expected.length ? part(item, expected[index]) : item,
    );
  }
  if (!isObject(actual) || !isObject(expected)) return actual;
  return Object.fromEntries(Object.keys(expected).map((name) => [name, part(actual[name], expected[name])]));
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
