import { createSecureContext } from "node:tls";
import type { DataSource } from "../../xds/gen/envoy/config/core/v3/base_pb.js";
import type { Secret } from "../../xds/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.js";
import { ConfigError } from "../config/config-error.ts";
import { inlineText } from "./inline-text.ts";
import { revocationLists } from "./revocation-lists.ts";

/** Refuses a secret that no handshake could use, so that the one before it stays. Throws ConfigError. */
export function checkSecret({ name, type }: Secret): void {
  const read = (source: DataSource | undefined) =>
    source === undefined ? undefined : inlineText(source, name);
  try {
    if (type.case === "tlsCertificate") {
      createSecureContext({ cert: read(type.value.certificateChain), key: read(type.value.privateKey) });
    } else if (type.case === "validationContext") {
      const crl = read(type.value.crl);
      createSecureContext({
        ca: read(type.value.trustedCa),
        ...(crl === undefined ? {} : { crl: revocationLists(crl) }),
      });
    }
  } catch (reason) {
    if (reason instanceof ConfigError) throw reason;
    // OpenSSL's words name no part of a key.
    throw new ConfigError(`${name}: ${(reason as Error).message}`);
  }
}
