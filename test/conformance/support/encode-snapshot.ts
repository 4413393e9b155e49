import { type DescMessage, type Message, toBinary } from "@bufbuild/protobuf";
import { ClusterSchema } from "../../../src/xds/gen/envoy/config/cluster/v3/cluster_pb.js";
import { ClusterLoadAssignmentSchema } from "../../../src/xds/gen/envoy/config/endpoint/v3/endpoint_pb.js";
import { ListenerSchema } from "../../../src/xds/gen/envoy/config/listener/v3/listener_pb.js";
import { RouteConfigurationSchema } from "../../../src/xds/gen/envoy/config/route/v3/route_pb.js";
import { SecretSchema } from "../../../src/xds/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.js";
import { NameTableSchema } from "../../../src/xds/gen/istio/networking/nds/v1/nds_pb.js";
import { type Snapshot, type TypeUrl, typeUrls } from "../../../src/xds/index.ts";

/** A snapshot in the form in which it travels: bytes by type and name. */
export function encodeSnapshot(snapshot: Snapshot): Map<TypeUrl, Map<string, Uint8Array>> {
  const encoded = <D extends DescMessage>(schema: D, messages: ReadonlyMap<string, Message>) =>
    new Map([...messages].map(([name, message]) => [name, toBinary(schema, message as never)] as const));
  return new Map<TypeUrl, Map<string, Uint8Array>>([
    [typeUrls.cluster, encoded(ClusterSchema, snapshot.clusters)],
    [typeUrls.endpoint, encoded(ClusterLoadAssignmentSchema, snapshot.endpoints)],
    [typeUrls.listener, encoded(ListenerSchema, snapshot.listeners)],
    [typeUrls.route, encoded(RouteConfigurationSchema, snapshot.routes)],
    [typeUrls.secret, encoded(SecretSchema, snapshot.secrets)],
    [typeUrls.nameTable, encoded(NameTableSchema, new Map([["nametable", snapshot.nameTable]]))],
  ]);
}
