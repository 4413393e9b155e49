import type { Any } from "@bufbuild/protobuf/wkt";
import {
  FilterConfigSchema,
  FilterConfig_Protocol as Protocol,
} from "../../xds/gen/istio/envoy/config/filter/http/alpn/v2alpha1/config_pb.js";
import { unpack } from "../config/wire.ts";

/** Protocols to offer upstream in place of the cluster's own. `key` names pools that use it. */
export interface Alpn {
  readonly key: string;
  readonly protocols: readonly string[];
}

/** istio.alpn: what the upstream handshake offers, by the HTTP version that goes upstream. */
export interface AlpnOverride {
  readonly http1: Alpn | undefined;
  readonly http2: Alpn | undefined;
}

/** Compiles the istio.alpn filter. Throws ConfigError. */
export function compileAlpnFilter(config: Any | undefined, where: string): AlpnOverride {
  const overrides = unpack(config, FilterConfigSchema, where).alpnOverride;
  const of = (protocol: Protocol, version: string): Alpn | undefined => {
    const entry = overrides.find((override) => override.upstreamProtocol === protocol);
    if (entry === undefined || entry.alpnOverride.length === 0) return undefined;
    return { key: `${version}:${entry.alpnOverride.join(",")}`, protocols: entry.alpnOverride };
  };
  return { http1: of(Protocol.HTTP11, "h1"), http2: of(Protocol.HTTP2, "h2") };
}
