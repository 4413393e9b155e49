import { createHash } from "node:crypto";
import { create, type DescMessage, type Message, toBinary } from "@bufbuild/protobuf";
import { BinaryWriter } from "@bufbuild/protobuf/wire";
import { ClusterSchema } from "../../xds/gen/envoy/config/cluster/v3/cluster_pb.js";
import { ClusterLoadAssignmentSchema } from "../../xds/gen/envoy/config/endpoint/v3/endpoint_pb.js";
import { ListenerSchema } from "../../xds/gen/envoy/config/listener/v3/listener_pb.js";
import {
  type VirtualHost,
  VirtualHostSchema,
} from "../../xds/gen/envoy/config/route/v3/route_components_pb.js";
import {
  type RouteConfiguration,
  RouteConfigurationSchema,
} from "../../xds/gen/envoy/config/route/v3/route_pb.js";
import { SecretSchema } from "../../xds/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.js";
import { NameTableSchema } from "../../xds/gen/istio/networking/nds/v1/nds_pb.js";
import { type TypeUrl, typeUrls } from "../../xds/index.ts";

/** Message types of the resources, by type URL. */
export const resourceSchemas: Readonly<Record<TypeUrl, DescMessage>> = {
  [typeUrls.cluster]: ClusterSchema,
  [typeUrls.endpoint]: ClusterLoadAssignmentSchema,
  [typeUrls.listener]: ListenerSchema,
  [typeUrls.route]: RouteConfigurationSchema,
  [typeUrls.secret]: SecretSchema,
  [typeUrls.nameTable]: NameTableSchema,
};

/** A resource as it goes over the wire. */
export interface EncodedResource {
  /** The Any with the resource in it, serialized. */
  readonly any: Uint8Array;
  /** Hash of the content: the same resource has the same version in every control plane. */
  readonly version: string;
}

const encoded = new WeakMap<Message, EncodedResource>();

/** Encodes a resource once; everybody who gets the same object shares the bytes. */
export function encodeResource(typeUrl: TypeUrl, message: Message): EncodedResource {
  let made = encoded.get(message);
  if (made === undefined) {
    const value = encodeMessage(typeUrl, message);
    const any = new BinaryWriter().uint32(10).string(typeUrl).uint32(18).bytes(value).finish();
    made = { any, version: createHash("sha1").update(value).digest("base64url") };
    encoded.set(message, made);
  }
  return made;
}

/**
 * Serializes a resource. Route tables are put together from their virtual hosts, each of which is serialized once: of
 * a table with a thousand of them a change alters one.
 */
function encodeMessage(typeUrl: TypeUrl, message: Message): Uint8Array {
  if (typeUrl !== typeUrls.route) return toBinary(resourceSchemas[typeUrl], message);
  const { virtualHosts, ...rest } = message as RouteConfiguration;
  const writer = new BinaryWriter().raw(
    toBinary(RouteConfigurationSchema, create(RouteConfigurationSchema, { ...rest, virtualHosts: [] })),
  );
  for (const host of virtualHosts) writer.uint32(18).bytes(encodeHost(host));
  return writer.finish();
}

const encodedHosts = new WeakMap<VirtualHost, Uint8Array>();

function encodeHost(host: VirtualHost): Uint8Array {
  let bytes = encodedHosts.get(host);
  if (bytes === undefined) {
    bytes = toBinary(VirtualHostSchema, host);
    encodedHosts.set(host, bytes);
  }
  return bytes;
}

/** A resource of a response, with the name under which it is subscribed to. */
export interface NamedResource {
  readonly name: string;
  readonly resource: EncodedResource;
}

/** DiscoveryResponse (state of the world), put together from encoded parts. */
export function encodeResponse(
  typeUrl: TypeUrl,
  resources: readonly NamedResource[],
  version: string,
  nonce: string,
): Uint8Array {
  const writer = new BinaryWriter().uint32(10).string(version);
  for (const { resource } of resources) writer.uint32(18).bytes(resource.any);
  return writer.uint32(34).string(typeUrl).uint32(42).string(nonce).finish();
}

/** DeltaDiscoveryResponse, put together from encoded parts. */
export function encodeDelta(
  typeUrl: TypeUrl,
  resources: readonly NamedResource[],
  removed: readonly string[],
  version: string,
  nonce: string,
): Uint8Array {
  const writer = new BinaryWriter().uint32(10).string(version);
  for (const { name, resource } of resources) {
    writer
      .uint32(18)
      .fork()
      .uint32(10)
      .string(resource.version)
      .uint32(18)
      .bytes(resource.any)
      .uint32(26)
      .string(name)
      .join();
  }
  writer.uint32(34).string(typeUrl).uint32(42).string(nonce);
  for (const name of removed) writer.uint32(50).string(name);
  return writer.finish();
}
