import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import { SecretSchema } from "../../../xds/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.js";
import {
  DiscoveryRequestSchema,
  DiscoveryResponseSchema,
} from "../../../xds/gen/envoy/service/discovery/v3/discovery_pb.js";
import { type GrpcCall, typeUrls } from "../../../xds/index.ts";
import type { AgentSecrets } from "../contracts.ts";

/** Most secrets that one stream may ask for. */
const mostNames = 100;

/**
 * Serves one SDS stream: each secret that it asks for, at once or as soon as there is one, and again whenever it changes.
 */
export async function serveSecrets(call: GrpcCall, secrets: AgentSecrets): Promise<void> {
  const ended = new AbortController();
  const wanted = new Set<string>();
  let version = 0;
  const send = () => {
    const known = [...wanted].flatMap((name) => secrets.get(name) ?? []);
    if (known.length === 0) return;
    version++;
    const response = create(DiscoveryResponseSchema, {
      typeUrl: typeUrls.secret,
      versionInfo: String(version),
      nonce: String(version),
      resources: known.map((secret) => anyPack(SecretSchema, secret)),
    });
    call.send(toBinary(DiscoveryResponseSchema, response));
  };
  try {
    for await (const bytes of call.messages) {
      const { resourceNames } = fromBinary(DiscoveryRequestSchema, bytes);
      const fresh = resourceNames.slice(0, mostNames).filter((name) => !wanted.has(name));
      for (const name of fresh) {
        wanted.add(name);
        secrets.onChange(name, send, ended.signal);
      }
      if (fresh.length > 0) send();
    }
  } finally {
    ended.abort();
  }
}
