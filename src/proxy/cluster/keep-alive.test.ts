import assert from "node:assert/strict";
import { Socket } from "node:net";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import { suite, test } from "vitest";
import { ClusterSchema } from "../../xds/gen/envoy/config/cluster/v3/cluster_pb.js";
import { HttpProtocolOptionsSchema } from "../../xds/gen/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.js";
import { createSecretStore } from "../tls/secret-store.ts";
import { createTlsCompiler } from "../tls/tls-settings.ts";
import { compileCluster } from "./compile-cluster.ts";
import { connectHost } from "./connect.ts";
import { createHost } from "./host.ts";
import { createClusterStats } from "./stats.ts";

suite("how a cluster finds out that a host is gone", () => {
  const { signal } = new AbortController();
  const compiler = createTlsCompiler(createSecretStore({ get: () => undefined, onChange() {} }, signal));
  const compile = (message: MessageInitShape<typeof ClusterSchema>) =>
    compileCluster(create(ClusterSchema, { name: "c", ...message }), compiler);

  test.each<[string, MessageInitShape<typeof ClusterSchema>, readonly unknown[]]>([
    ["TCP does not ask by itself", {}, []],
    ["TCP asks after two hours of silence", { upstreamConnectionOptions: { tcpKeepalive: {} } }, [7_200_000]],
    [
      "TCP asks after the time that is said",
      { upstreamConnectionOptions: { tcpKeepalive: { keepaliveTime: 30, keepaliveProbes: 3 } } },
      [30_000],
    ],
  ])("%s", (_title, message, expected) => {
    const asked: unknown[] = [];
    class Recorded extends Socket {
      override setKeepAlive(isOn?: boolean, delay?: number): this {
        if (isOn === true) asked.push(delay);
        return this;
      }
    }
    const facts = { address: "10.0.0.1", port: 80, hostname: undefined, joined: 0, weight: 1, priority: 0 };
    const host = createHost({
      ...facts,
      health: "healthy",
      locality: "",
      localityWeight: 0,
      tls: undefined,
      workload: undefined,
      transportMatch: "{}",
    });
    const cancel = connectHost(
      {
        network: { dial: () => new Recorded(), listen: async () => async () => {}, resolve: async () => [] },
        config: compile(message),
        stats: createClusterStats(),
        circuit: { connections: 0 },
        after: () => () => {},
      },
      host,
      undefined,
      undefined,
      { connected() {}, failed() {} },
    );
    cancel();
    assert.deepEqual(asked, expected);
  });

  const http2ProtocolOptions = {
    connectionKeepalive: { interval: { seconds: 10n }, timeout: { seconds: 2n } },
  };
  test.each<
    [
      string,
      NonNullable<MessageInitShape<typeof HttpProtocolOptionsSchema>["upstreamProtocolOptions"]>,
      boolean,
    ]
  >([
    [
      "HTTP/2 sends PINGs",
      {
        case: "explicitHttpConfig",
        value: { protocolConfig: { case: "http2ProtocolOptions", value: http2ProtocolOptions } },
      },
      true,
    ],
    [
      "so it does where clients choose the protocol",
      { case: "useDownstreamProtocolConfig", value: { http2ProtocolOptions } },
      true,
    ],
    ["and where the handshake does", { case: "autoConfig", value: { http2ProtocolOptions } }, true],
    [
      "but not unless it is told to",
      {
        case: "explicitHttpConfig",
        value: { protocolConfig: { case: "http2ProtocolOptions", value: {} } },
      },
      false,
    ],
  ])("%s", (_title, upstreamProtocolOptions, expected) => {
    const options = create(HttpProtocolOptionsSchema, { upstreamProtocolOptions });
    const { pings } = compile({
      typedExtensionProtocolOptions: {
        "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": anyPack(HttpProtocolOptionsSchema, options),
      },
    });
    assert.equal(pings?.interval, expected ? 10_000 : undefined);
  });
});
