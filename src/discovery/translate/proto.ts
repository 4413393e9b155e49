import { create, type DescMessage, type MessageInitShape } from "@bufbuild/protobuf";
import { type Any, anyPack, type Duration, DurationSchema } from "@bufbuild/protobuf/wkt";
import { parseGoDuration } from "../../base/index.ts";

/** Packs a message into an Any. */
export function any<D extends DescMessage>(schema: D, init?: MessageInitShape<D>): Any {
  return anyPack(schema, create(schema, init));
}

/** An address as listeners and endpoints write it. */
export function socketAddress(address: string, port: number) {
  return {
    address: {
      case: "socketAddress" as const,
      value: { address, portSpecifier: { case: "portValue" as const, value: port } },
    },
  };
}

/** The field of a message, left out when there is no value for it. */
export function optional<K extends string, V>(name: K, value: V | undefined): { readonly [N in K]?: V } {
  return value === undefined ? {} : ({ [name]: value } as { readonly [N in K]?: V });
}

/** A value that is made on first use and kept: constant messages cost nothing before the first proxy needs them. */
export function lazy<T>(make: () => T): () => T {
  let value: { readonly made: T } | undefined;
  return () => {
    value ??= { made: make() };
    return value.made;
  };
}

/** A Duration of `ms` milliseconds (may have a fraction). */
export function milliseconds(ms: number): Duration {
  const seconds = Math.floor(ms / 1000);
  return create(DurationSchema, { seconds: BigInt(seconds), nanos: Math.round((ms - seconds * 1000) * 1e6) });
}

/** A Duration of `count` seconds. */
export function seconds(count: number): Duration {
  return milliseconds(count * 1000);
}

/** The Duration message of a written duration, or undefined. */
export function durationOf(text: string | undefined): Duration | undefined {
  const ms = parseGoDuration(text);
  return ms === undefined ? undefined : milliseconds(ms);
}
