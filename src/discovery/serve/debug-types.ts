import { create, toBinary } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import {
  DeltaDiscoveryResponseSchema,
  DiscoveryResponseSchema,
} from "../../xds/gen/envoy/service/discovery/v3/discovery_pb.js";

/** Types of Istio's that are asked for over ADS like resources and answered with the control plane's own status. */
export const debugTypes = {
  /** Any page below /debug by its name, path and query: "edsz?proxyID=curl.sample". */
  page: "istio.io/debug",
  /** What each proxy was sent and has acknowledged. */
  sync: "istio.io/debug/syncz",
  /** The configuration of the proxy that is named. */
  configDump: "istio.io/debug/config_dump",
} as const;

export type DebugType = (typeof debugTypes)[keyof typeof debugTypes];

export function isDebugType(typeUrl: string): typeUrl is DebugType {
  return Object.values<string>(debugTypes).includes(typeUrl);
}

/** One resource of an answer; most have no name. */
export interface DebugResource {
  readonly name: string;
  readonly any: Any;
}

export interface DebugAnswer {
  readonly resources: readonly DebugResource[];
  /** Identifier of the ControlPlane that answers. */
  readonly controlPlane: string;
}

/** The answer as a response of the protocol in which it was asked for. */
export function encodeDebugAnswer(
  protocol: "delta" | "state-of-the-world",
  typeUrl: string,
  { resources, controlPlane }: DebugAnswer,
  nonce: string,
): Uint8Array {
  const common = { typeUrl, nonce, controlPlane: { identifier: controlPlane } };
  if (protocol === "delta")
    return toBinary(
      DeltaDiscoveryResponseSchema,
      create(DeltaDiscoveryResponseSchema, {
        ...common,
        resources: resources.map(({ name, any }) => ({ name, resource: any })),
      }),
    );
  return toBinary(
    DiscoveryResponseSchema,
    create(DiscoveryResponseSchema, { ...common, resources: resources.map(({ any }) => any) }),
  );
}
