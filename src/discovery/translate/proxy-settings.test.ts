import assert from "node:assert/strict";
import { suite, test } from "vitest";
import { HttpConnectionManager_ForwardClientCertDetails as Details } from "../../xds/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import { readProxySettings } from "./proxy-settings.ts";

const defaults = { sampling: 1, customTags: {}, maxPathTagLength: undefined, hasIstioTags: true };

suite("readProxySettings()", () => {
  const cases = [
    { title: "nothing says nothing", config: undefined, expected: {} },
    {
      title: "the sampling of traces",
      config: { tracing: { sampling: 33 } },
      expected: { tracing: { ...defaults, sampling: 33 } },
    },
    {
      title: "what is in front of a gateway",
      config: { gatewayTopology: { numTrustedProxies: 2, forwardClientCertDetails: "APPEND_FORWARD" } },
      expected: { trustedProxies: 2, gatewayClientCert: Details.APPEND_FORWARD },
    },
    {
      title: "headers that proxies add",
      config: {
        proxyHeaders: {
          forwardedClientCert: "SANITIZE",
          server: { value: "shop" },
          requestId: { disabled: true },
        },
      },
      expected: { inboundClientCert: Details.SANITIZE, serverName: "shop", hasNoRequestId: true },
    },
    {
      title: "no server header of the proxy's own",
      config: { proxyHeaders: { server: { disabled: true, value: "shop" } } },
      expected: { serverName: "" },
    },
    {
      title: "values that make no sense count as absent",
      config: { tracing: 7, gatewayTopology: { numTrustedProxies: "2", forwardClientCertDetails: "MAYBE" } },
      expected: {},
    },
  ];
  for (const { title, config, expected } of cases)
    test(title, () =>
      assert.deepEqual(
        readProxySettings(config),
        config === undefined ? expected : { tracing: defaults, ...expected },
      ),
    );
});
