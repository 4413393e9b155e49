import { createHash } from "node:crypto";
import { BinaryReader } from "@bufbuild/protobuf/wire";
import { ListenerSchema } from "../../xds/gen/envoy/config/listener/v3/listener_pb.js";

/** Digests of a serialized Listener's parts: equal digests mean equal bytes. */
export interface ListenerParts {
  /** Everything but the filter chains: address, listener filters and the rest. */
  readonly frame: string;
  /** One per entry of filter_chains, in their order. */
  readonly chains: readonly string[];
  /** Of default_filter_chain; undefined when there is none. */
  readonly fallback: string | undefined;
}

const chainsNumber = ListenerSchema.field.filterChains.number;
const fallbackNumber = ListenerSchema.field.defaultFilterChain.number;

/** Takes a Listener apart without decoding it, to tell which of its filter chains changed. Throws on what is no message. */
export function splitListener(bytes: Uint8Array): ListenerParts {
  const reader = new BinaryReader(bytes);
  const frame = createHash("sha256");
  const chains: string[] = [];
  const fallback: Uint8Array[] = [];
  while (reader.pos < reader.len) {
    const start = reader.pos;
    const [number, wireType] = reader.tag();
    const value = reader.skip(wireType, number);
    if (number === chainsNumber) chains.push(digest(value));
    else if (number === fallbackNumber) fallback.push(value);
    else frame.update(bytes.subarray(start, reader.pos));
  }
  return {
    frame: frame.digest("base64"),
    chains,
    fallback: fallback.length === 0 ? undefined : digest(...fallback),
  };
}

function digest(...parts: readonly Uint8Array[]): string {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest("base64");
}
