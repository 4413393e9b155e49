import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import { type Any, anyUnpack, type Duration } from "@bufbuild/protobuf/wkt";
import type { Address } from "../../xds/gen/envoy/config/core/v3/address_pb.js";
import type { Destination } from "../contracts.ts";
import { ConfigError } from "./config-error.ts";

/** Milliseconds of a duration; undefined when it is absent. */
export function milliseconds(duration: Duration | undefined): number | undefined {
  return duration === undefined ? undefined : Number(duration.seconds) * 1000 + duration.nanos / 1e6;
}

/** The message inside `any`. Throws ConfigError when it is of another type or can't be read. */
export function unpack<D extends DescMessage>(
  any: Any | undefined,
  schema: D,
  where: string,
): MessageShape<D> {
  let message: MessageShape<D> | undefined;
  try {
    message = any === undefined ? undefined : anyUnpack(any, schema);
  } catch (reason) {
    throw new ConfigError(`${where}: can't read ${schema.typeName}: ${String(reason)}`);
  }
  if (message === undefined) {
    throw new ConfigError(
      `${where}: want ${schema.typeName}, got ${any === undefined ? "nothing" : any.typeUrl}`,
    );
  }
  return message;
}

/** Address and port of a socket address. Throws ConfigError on pipes and internal addresses. */
export function socketAddress(address: Address | undefined, where: string): Destination {
  if (address?.address.case !== "socketAddress") {
    throw new ConfigError(
      `${where}: only socket addresses are supported, got ${address?.address.case ?? "none"}`,
    );
  }
  const { address: host, portSpecifier } = address.address.value;
  if (portSpecifier.case !== "portValue") throw new ConfigError(`${where}: port_value is missing`);
  return { address: host, port: portSpecifier.value };
}
