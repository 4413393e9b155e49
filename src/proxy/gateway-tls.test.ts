import assert from "node:assert/strict";
import { connect as connectHttp2 } from "node:http2";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { connect as connectTls } from "node:tls";
import { toBinary } from "@bufbuild/protobuf";
import { afterEach, beforeEach, suite, test } from "vitest";
import { waitFor } from "../base/index.ts";
import { generateKey, issueCertificate } from "../pki/index.ts";
import { SecretSchema } from "../xds/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.js";
import { typeUrls } from "../xds/index.ts";
import { cluster, type GatewayOptions, gateway, type } from "./testing/gateway.ts";
import { exchange } from "./testing/http.ts";
import { createTestMesh, hello, type TestMesh } from "./testing/mesh.ts";
import { makeSecrets, type RunningProxy, tlsSecret } from "./testing/world.ts";

suite("TLS at a gateway and in a sidecar", () => {
  let mesh: TestMesh;
  beforeEach(() => {
    mesh = createTestMesh();
  });
  afterEach(() => mesh.stop());

  async function start(options: GatewayOptions): Promise<RunningProxy> {
    return mesh.addProxy("gateway", gateway(options), {
      address: "127.0.0.1",
      serviceAccount: "gw",
      namespace: "istio-system",
    });
  }

  /** A client's connection to the gateway's port. */
  function open(): Promise<import("node:net").Socket> {
    return mesh.open("127.0.0.1", 80);
  }

  test("terminates TLS with a secret that comes and changes over ADS, and speaks HTTP/2 there", async () => {
    await mesh.app("10.0.0.1", 8080, hello("v1"));
    const certificate = (name: string) => {
      const key = generateKey();
      const chain = issueCertificate(
        {
          publicKey: key.publicKey,
          dnsNames: [name],
          notBefore: Date.now() - 1000,
          notAfter: Date.now() + 86_400_000,
        },
        mesh.issuer,
      );
      return toBinary(SecretSchema, tlsSecret("kubernetes://shop", chain, key.privateKeyPem));
    };
    const running = await start({
      transportSocket: {
        name: "envoy.transport_sockets.tls",
        typedConfig: {
          "@type": type("transport_sockets.tls.v3.DownstreamTlsContext"),
          commonTlsContext: {
            alpnProtocols: ["h2", "http/1.1"],
            tlsCertificateSdsSecretConfigs: [
              { name: "kubernetes://shop", sdsConfig: { ads: {}, resourceApiVersion: "V3" } },
            ],
          },
        },
      },
    });
    const handshake = async (alpn: string[]) => {
      const raw = await open();
      const client = connectTls({
        socket: raw,
        servername: "shop.example.com",
        ALPNProtocols: alpn,
        ca: mesh.issuer.certificatePem,
        checkServerIdentity: () => undefined,
      });
      await new Promise<void>((resolve, reject) => {
        client.once("secureConnect", resolve);
        client.once("error", reject);
        client.once("close", () => reject(new Error("closed")));
      });
      return client;
    };
    await assert.rejects(handshake(["http/1.1"]), "there is no secret yet");
    running.discovery.set(typeUrls.secret, "kubernetes://shop", certificate("one.example.com"));
    const first = await waitFor(() => handshake(["http/1.1"]).catch(() => undefined), {
      signal: AbortSignal.timeout(30_000),
    });
    assert.match(String(first.getPeerX509Certificate()?.subjectAltName), /one/);
    assert.equal((await exchange(first, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")).body, "Hello version: v1\n");
    running.discovery.set(typeUrls.secret, "kubernetes://shop", certificate("two.example.com"));
    const second = await waitFor(
      async () => {
        const client = await handshake(["h2"]);
        return String(client.getPeerX509Certificate()?.subjectAltName).includes("two") ? client : undefined;
      },
      { signal: AbortSignal.timeout(30_000) },
    );
    const session = connectHttp2("https://shop.example.com", { createConnection: () => second });
    const stream = session.request({ ":path": "/" });
    let body = "";
    stream.on("data", (chunk) => {
      body += chunk;
    });
    await new Promise((resolve) => stream.once("close", resolve));
    assert.equal(body, "Hello version: v1\n");
    session.destroy();
  });

  const upstreams = [
    { host: "api.example.com", names: ["api.example.com"], status: 200 },
    { host: "api.example.com:8443", names: ["*.example.com"], status: 200 },
    { host: "a.b.example.com", names: ["*.example.com"], status: 503 },
    { host: "other.example.org", names: ["api.example.com"], status: 503 },
  ];
  for (const { host, names, status } of upstreams) {
    test(`asks an upstream with a certificate for ${names} as ${host}: ${status}`, async () => {
      const key = generateKey();
      const validity = { notBefore: Date.now() - 1000, notAfter: Date.now() + 86_400_000 };
      const cert = issueCertificate({ publicKey: key.publicKey, dnsNames: names, ...validity }, mesh.issuer);
      const server = createServer({ key: key.privateKeyPem, cert }, hello("v1"));
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      mesh.map("10.0.0.1", 8080, server.address() as AddressInfo);
      const tls = {
        name: "envoy.transport_sockets.tls",
        typedConfig: {
          "@type": type("transport_sockets.tls.v3.UpstreamTlsContext"),
          commonTlsContext: {
            validationContext: { trustedCa: { inlineString: mesh.issuer.certificatePem } },
          },
        },
      };
      const options = {
        "@type": type("upstreams.http.v3.HttpProtocolOptions"),
        explicitHttpConfig: { httpProtocolOptions: {} },
        upstreamHttpProtocolOptions: { autoSni: true, autoSanValidation: true },
      };
      const more = {
        transportSocket: tls,
        typedExtensionProtocolOptions: {
          "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": options,
        },
      };
      await start({ clusters: [cluster("app", ["10.0.0.1"], more)] });
      const client = await open();
      const answer = await exchange(client, `GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
      assert.equal(answer.status, status, answer.body);
      client.destroy();
      server.closeAllConnections();
      server.close();
    });
  }

  test("takes rotated workload certificates without losing connections", async () => {
    const server = await mesh.helloworld((request, response) =>
      response.end(String(request.headers["x-forwarded-client-cert"])),
    );
    const sleep = await mesh.sleep();
    const client = await sleep.connect({ address: "10.1.0.10", port: 5000 });
    const get = "GET /hello HTTP/1.1\r\nHost: helloworld.sample:5000\r\n\r\n";
    const hash = (text: string) => /Hash=([0-9a-f]+)/.exec(text)?.[1];
    const before = hash((await exchange(client, get)).body);
    const next = makeSecrets(mesh.issuer, "spiffe://cluster.local/ns/sample/sa/sleep");
    sleep.secrets.put("default", next.get("default"));
    assert.equal(hash((await exchange(client, get)).body), before, "the running connection stays");
    server.proxy.changes.notify();
    // A second request at the same time needs a second upstream connection, which uses the new certificate.
    const other = await sleep.connect({ address: "10.1.0.10", port: 5000 });
    const [one, two] = await Promise.all([exchange(client, get), exchange(other, get)]);
    assert.equal(new Set([hash(one.body), hash(two.body)]).size, 2);
  });
});
