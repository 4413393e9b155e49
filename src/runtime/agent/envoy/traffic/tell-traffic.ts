import {
  create,
  type DescMessage,
  fromJson,
  type JsonObject,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import { type Any, anyPack, anyUnpack, StructSchema } from "@bufbuild/protobuf/wkt";
import {
  type AccessLog,
  AccessLogSchema,
} from "../../../../xds/gen/envoy/config/accesslog/v3/accesslog_pb.js";
import { TrafficDirection } from "../../../../xds/gen/envoy/config/core/v3/base_pb.js";
import type { Listener } from "../../../../xds/gen/envoy/config/listener/v3/listener_pb.js";
import { FileAccessLogSchema } from "../../../../xds/gen/envoy/extensions/access_loggers/file/v3/file_pb.js";
import {
  HttpConnectionManagerSchema,
  type HttpFilter,
  HttpFilterSchema,
} from "../../../../xds/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import { TcpProxySchema } from "../../../../xds/gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.js";
import { TypedStructSchema } from "../../../../xds/gen/udpa/type/v1/typed_struct_pb.js";
import { type TrafficDirection as Direction, lineFormat, peerKey, peerNamespace } from "./traffic-lines.ts";

/** How a proxy tells its peers about its workload, as Istio's filters do by headers. */
export interface OwnHeaders {
  /** x-envoy-peer-metadata-id */
  readonly id: string;
  /** x-envoy-peer-metadata */
  readonly data: string;
}

const idHeader = "x-envoy-peer-metadata-id";
const dataHeader = "x-envoy-peer-metadata";
const told = ["NAME", "NAMESPACE", "WORKLOAD_NAME", "OWNER", "CLUSTER_ID", "MESH_ID", "LABELS"];

/** The headers of a proxy with this node. */
export function ownHeaders(id: string, metadata: JsonObject | undefined): OwnHeaders {
  const fields = Object.fromEntries(
    told.flatMap((name) => (metadata?.[name] === undefined ? [] : [[name, metadata[name]]])),
  );
  const bytes = toBinary(StructSchema, fromJson(StructSchema, fields));
  return { id, data: Buffer.from(bytes).toString("base64") };
}

/**
 * Makes a listener's connection managers and TCP proxies write a line about everything that they carry to `file`, and
 * its HTTP exchange peers' metadata by headers: what Istio's own filters do, which a stock Envoy does not have. Changes
 * the listener in place; false when there is nothing in it that carries traffic.
 */
export function tellTraffic(listener: Listener, file: string, own: OwnHeaders): boolean {
  const direction: Direction =
    listener.trafficDirection === TrafficDirection.INBOUND ? "inbound" : "outbound";
  const requestLog = lineLog(file, lineFormat("request", direction));
  const connectionLog = lineLog(file, lineFormat("connection", direction));
  const exchange = exchangeFilters(direction, own);
  const { filterChains, defaultFilterChain } = listener;
  const chains = defaultFilterChain === undefined ? filterChains : [...filterChains, defaultFilterChain];
  let tells = false;
  for (const { filters } of chains) {
    for (const { configType } of filters) {
      if (configType.case !== "typedConfig") continue;
      const next =
        changed(configType.value, HttpConnectionManagerSchema, (manager) => {
          manager.accessLog.push(requestLog);
          manager.httpFilters.unshift(...exchange);
        }) ??
        changed(configType.value, TcpProxySchema, (proxy) => {
          proxy.accessLog.push(connectionLog);
        });
      if (next === undefined) continue;
      configType.value = next;
      tells = true;
    }
  }
  return tells;
}

/** Learns what the peer tells and tells about this workload; the app sees nothing of it. */
function exchangeFilters(direction: Direction, { id, data }: OwnHeaders): HttpFilter[] {
  const learn = (header: string, value: JsonObject) => ({
    header,
    on_header_present: { metadata_namespace: peerNamespace, ...value },
    remove: true,
  });
  const overwrite = (key: string, value: string) => ({
    append: { header: { key, value }, append_action: "OVERWRITE_IF_EXISTS_OR_ADD" },
  });
  if (direction === "outbound") {
    return [
      filter("header_to_metadata", "Config", {
        response_rules: [learn(dataHeader, { key: peerKey }), learn(idHeader, { key: "id" })],
      }),
      filter("header_mutation", "HeaderMutation", {
        mutations: { request_mutations: [overwrite(idHeader, id), overwrite(dataHeader, data)] },
      }),
    ];
  }
  // Only who tells is told: the own metadata come from a rule that is met by the peer's header.
  const answered = (key: string) => `%DYNAMIC_METADATA(${peerNamespace}:${key})%`;
  return [
    filter("header_to_metadata", "Config", {
      request_rules: [
        { ...learn(dataHeader, { key: peerKey }), remove: false },
        { ...learn(dataHeader, { key: "own", value: data }), remove: true },
        learn(idHeader, { key: "own-id", value: id }),
      ],
    }),
    filter("header_mutation", "HeaderMutation", {
      mutations: {
        response_mutations: [overwrite(idHeader, answered("own-id")), overwrite(dataHeader, answered("own"))],
      },
    }),
  ];
}

/** A filter of Envoy's that has no generated type here. */
function filter(name: string, message: string, value: JsonObject): HttpFilter {
  const type = `envoy.extensions.filters.http.${name}.v3.${message}`;
  const struct = create(TypedStructSchema, { typeUrl: `type.googleapis.com/${type}`, value });
  return create(HttpFilterSchema, {
    name: `isthmus.${name}`,
    configType: { case: "typedConfig", value: anyPack(TypedStructSchema, struct) },
  });
}

function lineLog(path: string, format: string): AccessLog {
  const config = create(FileAccessLogSchema, {
    path,
    accessLogFormat: {
      case: "logFormat",
      value: {
        format: {
          case: "textFormatSource",
          value: { specifier: { case: "inlineString", value: format } },
        },
      },
    },
  });
  return create(AccessLogSchema, {
    name: "isthmus.traffic",
    configType: { case: "typedConfig", value: anyPack(FileAccessLogSchema, config) },
  });
}

function changed<D extends DescMessage>(
  config: Any,
  schema: D,
  change: (message: MessageShape<D>) => void,
): Any | undefined {
  const message = anyUnpack(config, schema);
  if (message === undefined) return undefined;
  change(message);
  return anyPack(schema, message);
}
