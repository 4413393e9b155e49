import assert from "node:assert/strict";
import { suite, test } from "vitest";
import { DownstreamTlsContextSchema } from "../../xds/gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.js";
import { parseMeshConfig } from "./mesh-config.ts";
import { unpack } from "./test-support/describe.ts";
import { meshServerContext } from "./tls-contexts.ts";

suite("meshServerContext()", () => {
  const mesh = "trustDomain: east\ntrustDomainAliases: [west]";
  for (const { skipValidateTrustDomain, prefixes } of [
    { skipValidateTrustDomain: false, prefixes: ["spiffe://east/", "spiffe://west/"] },
    { skipValidateTrustDomain: true, prefixes: [] },
  ])
    test(`callers of ${prefixes.length === 0 ? "any trust domain" : "the mesh's trust domains"} are taken with PILOT_SKIP_VALIDATE_TRUST_DOMAIN ${skipValidateTrustDomain}`, () => {
      const config = parseMeshConfig(mesh, { systemNamespace: "istio-system", skipValidateTrustDomain });
      const context = unpack(meshServerContext(config, ["h2"]), DownstreamTlsContextSchema);
      const validation = context.commonTlsContext?.validationContextType;
      assert.ok(validation?.case === "combinedValidationContext");
      const names = validation.value.defaultValidationContext?.matchSubjectAltNames ?? [];
      assert.deepEqual(
        names.map(({ matchPattern }) => matchPattern.value),
        prefixes,
      );
    });
});
