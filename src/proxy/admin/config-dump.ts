import {
  create,
  type DescMessage,
  fromBinary,
  type JsonObject,
  type JsonValue,
  type Message,
  toJson,
} from "@bufbuild/protobuf";
import { ClusterSchema } from "../../xds/gen/envoy/config/cluster/v3/cluster_pb.js";
import { DataSourceSchema, type Node, NodeSchema } from "../../xds/gen/envoy/config/core/v3/base_pb.js";
import { ClusterLoadAssignmentSchema } from "../../xds/gen/envoy/config/endpoint/v3/endpoint_pb.js";
import { ListenerSchema } from "../../xds/gen/envoy/config/listener/v3/listener_pb.js";
import { RouteConfigurationSchema } from "../../xds/gen/envoy/config/route/v3/route_pb.js";
import {
  type Secret,
  SecretSchema,
} from "../../xds/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.js";
import { type TypeUrl, typeUrls } from "../../xds/index.ts";
import type { Configuration } from "../config/configuration.ts";
import type { StoredResource } from "../config/resource-table.ts";
import { dumpOptions } from "./dump-registry.ts";

/** What a dump is made of. */
export interface DumpSources {
  readonly node: Node;
  readonly startedAt: number;
  readonly configuration: Configuration;
  secrets(): Iterable<readonly [string, Secret]>;
}

const prefix = "type.googleapis.com/envoy.admin.v3.";

/**
 * Envoy's /config_dump (envoy.admin.v3.ConfigDump in proto JSON): what was accepted, not what was sent. Private
 * keys are left out. `query` may hold include_eds, resource and name_regex.
 */
export function configDump(sources: DumpSources, query: URLSearchParams): JsonObject {
  const { configuration } = sources;
  const waiting = new Set(configuration.waiting());
  const pattern = query.get("name_regex");
  const names = pattern === null ? undefined : new RegExp(pattern);
  const list = (type: TypeUrl, schema: DescMessage, field: string) =>
    [...configuration.table(type).values()]
      .filter(({ name }) => names === undefined || names.test(name))
      .map((resource) => entry(resource, type, schema, field));
  const clusters = list(typeUrls.cluster, ClusterSchema, "cluster");
  const isWarming = (item: JsonObject) => {
    const cluster = item["cluster"];
    return isObject(cluster) && waiting.has(String(cluster["name"]));
  };
  const configs: JsonObject[] = [
    {
      "@type": `${prefix}BootstrapConfigDump`,
      bootstrap: { node: toJson(NodeSchema, create(NodeSchema, sources.node), dumpOptions()) },
      last_updated: time(sources.startedAt),
    },
    {
      "@type": `${prefix}ClustersConfigDump`,
      version_info: "",
      dynamic_active_clusters: clusters.filter((item) => !isWarming(item)),
      dynamic_warming_clusters: clusters.filter(isWarming),
    },
  ];
  if (query.has("include_eds")) {
    configs.push({
      "@type": `${prefix}EndpointsConfigDump`,
      dynamic_endpoint_configs: list(typeUrls.endpoint, ClusterLoadAssignmentSchema, "endpoint_config"),
    });
  }
  configs.push(
    {
      "@type": `${prefix}ListenersConfigDump`,
      version_info: "",
      dynamic_listeners: list(typeUrls.listener, ListenerSchema, "listener").map((state) => {
        const listener = state["listener"];
        const name = isObject(listener) ? (listener["name"] ?? "") : "";
        return { name, [waiting.has(String(name)) ? "warming_state" : "active_state"]: state };
      }),
    },
    {
      "@type": `${prefix}RoutesConfigDump`,
      dynamic_route_configs: list(typeUrls.route, RouteConfigurationSchema, "route_config"),
    },
    { "@type": `${prefix}SecretsConfigDump`, dynamic_active_secrets: dumpSecrets(sources) },
  );
  return { configs: select(configs, query.get("resource")) };
}

function select(configs: JsonObject[], resource: string | null): JsonObject[] {
  if (resource === null) return configs;
  return configs.flatMap((config) => {
    const items = config[resource];
    return Array.isArray(items)
      ? items.filter(isObject).map((item) => ({ "@type": config["@type"] ?? "", ...item }))
      : [];
  });
}

function entry(resource: StoredResource, type: TypeUrl, schema: DescMessage, field: string): JsonObject {
  return {
    version_info: resource.version,
    [field]: { "@type": type, ...plain(schema, fromBinary(schema, resource.bytes)) },
    last_updated: time(resource.updated),
  };
}

function plain(schema: DescMessage, message: Message): JsonObject {
  const json = toJson(schema, message, dumpOptions());
  return isObject(json) ? json : {};
}

function dumpSecrets(sources: DumpSources): JsonObject[] {
  return [...sources.secrets()].map(([name, secret]) => ({
    name,
    version_info: "",
    last_updated: time(sources.startedAt),
    secret: { "@type": typeUrls.secret, ...plain(SecretSchema, withoutKey(name, secret)) },
  }));
}

const redacted = create(DataSourceSchema, {
  specifier: { case: "inlineBytes", value: Buffer.from("[redacted]") },
});

function withoutKey(name: string, secret: Secret): Secret {
  if (secret.type.case !== "tlsCertificate") return create(SecretSchema, { name, type: secret.type });
  return create(SecretSchema, {
    name,
    type: {
      case: "tlsCertificate",
      value: {
        ...secret.type.value,
        privateKey: redacted,
        password: undefined,
      },
    },
  });
}

function time(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
