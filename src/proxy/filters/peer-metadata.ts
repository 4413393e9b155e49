import { fromBinary, fromJson, type JsonObject, toBinary, toJson } from "@bufbuild/protobuf";
import { type Any, StructSchema } from "@bufbuild/protobuf/wkt";
import { TypedStructSchema } from "../../xds/gen/udpa/type/v1/typed_struct_pb.js";
import { unpack } from "../config/wire.ts";
import { dropHeader, type Headers, header } from "../http/headers.ts";
import type { PeerMetadata } from "../router/facts.ts";

/** istio.metadata_exchange: which side of the proxy learns from, and tells, its peer by headers. */
export interface PeerMetadataRules {
  readonly learnsFromClient: boolean;
  readonly tellsClient: boolean;
  readonly learnsFromUpstream: boolean;
  readonly tellsUpstream: boolean;
}

const idHeader = "x-envoy-peer-metadata-id";
const dataHeader = "x-envoy-peer-metadata";

/** Compiles io.istio.http.peer_metadata.Config. Anything else under the filter's name means silence. */
export function compilePeerMetadata(config: Any, where: string): PeerMetadataRules {
  if (!config.typeUrl.endsWith("/udpa.type.v1.TypedStruct")) {
    return { learnsFromClient: false, tellsClient: false, learnsFromUpstream: false, tellsUpstream: false };
  }
  const { value } = unpack(config, TypedStructSchema, where);
  const byHeaders = (key: string) => {
    const methods = value?.[key];
    return (
      Array.isArray(methods) &&
      methods.some((method) => typeof method === "object" && method !== null && "istio_headers" in method)
    );
  };
  return {
    learnsFromClient: byHeaders("downstream_discovery"),
    tellsClient: byHeaders("downstream_propagation"),
    learnsFromUpstream: byHeaders("upstream_discovery"),
    tellsUpstream: byHeaders("upstream_propagation"),
  };
}

/** The pair of headers by which a proxy tells about its workload; made once from its node. */
export interface OwnMetadata {
  readonly id: string;
  readonly data: string;
}

const toldFields = ["NAME", "NAMESPACE", "WORKLOAD_NAME", "OWNER", "CLUSTER_ID", "MESH_ID", "INSTANCE_IPS"];

export function ownMetadata(nodeId: string, metadata: JsonObject | undefined): OwnMetadata {
  const told: JsonObject = {};
  for (const key of toldFields) {
    const value = metadata?.[key];
    if (typeof value === "string") told[key] = value;
  }
  const labels = metadata?.["LABELS"];
  if (typeof labels === "object" && labels !== null) told["LABELS"] = labels;
  const message = toBinary(StructSchema, fromJson(StructSchema, told));
  return { id: nodeId, data: Buffer.from(message).toString("base64") };
}

export function tellMetadata(headers: Headers, own: OwnMetadata): void {
  headers.push(idHeader, own.id, dataHeader, own.data);
}

/** Takes the peer's headers out of a message and says what they tell. */
export function takeMetadata(headers: Headers): PeerMetadata | undefined {
  const id = header(headers, idHeader);
  const data = header(headers, dataHeader);
  if (id === undefined && data === undefined) return undefined;
  dropHeader(headers, idHeader);
  dropHeader(headers, dataHeader);
  return data === undefined ? { id: id ?? "", fields: {} } : decode(id ?? "", data);
}

/** A mesh has few workloads: the same headers come with every request. */
const decoded = new Map<string, PeerMetadata>();

function decode(id: string, data: string): PeerMetadata {
  const known = decoded.get(data);
  if (known !== undefined && known.id === id) return known;
  let metadata: PeerMetadata;
  try {
    const struct = toJson(StructSchema, fromBinary(StructSchema, Buffer.from(data, "base64")));
    metadata = {
      id,
      fields: typeof struct === "object" && !Array.isArray(struct) && struct !== null ? struct : {},
    };
  } catch {
    metadata = { id, fields: {} };
  }
  if (decoded.size >= 512) decoded.clear();
  if (data.length <= 8192) decoded.set(data, metadata);
  return metadata;
}
