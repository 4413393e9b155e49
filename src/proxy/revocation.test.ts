import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { type ConnectionOptions, connect } from "node:tls";
import { create, type JsonObject, toBinary } from "@bufbuild/protobuf";
import { afterEach, beforeEach, suite, test } from "vitest";
import { waitFor } from "../base/index.ts";
import { generateKey, issueCertificate } from "../pki/index.ts";
import { makeRevocationList } from "../pki/testing/revocation-list.ts";
import { SecretSchema } from "../xds/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.js";
import { typeUrls } from "../xds/index.ts";
import { cluster, gateway, type } from "./testing/gateway.ts";
import { exchange } from "./testing/http.ts";
import { createTestMesh, hello, type TestMesh } from "./testing/mesh.ts";
import { makeRoot, type RunningProxy, tlsSecret } from "./testing/world.ts";

const sds = (name: string, source: JsonObject = { ads: {}, resourceApiVersion: "V3" }) => ({
  name,
  sdsConfig: source,
});
const inline = (text: string) => ({
  specifier: { case: "inlineBytes" as const, value: Buffer.from(text) },
});
const validity = { notBefore: Date.now() - 86_400_000, notAfter: Date.now() + 86_400_000 };
const place = { address: "127.0.0.1", serviceAccount: "gw", namespace: "istio-system" };
const answered = "HTTP 200";

suite("certificates that were revoked, and others that are not trusted", () => {
  let mesh: TestMesh;
  beforeEach(() => {
    mesh = createTestMesh();
  });
  afterEach(() => mesh.stop());

  const issue = (dnsNames: string[], publicKey?: ReturnType<typeof generateKey>["publicKey"]) => {
    const key = generateKey();
    const cert = issueCertificate(
      { publicKey: publicKey ?? key.publicKey, dnsNames, ...validity },
      mesh.issuer,
    );
    return { cert, key: key.privateKeyPem };
  };

  /** A gateway that shows "certificates" and asks clients for one. */
  async function serve(
    validation: JsonObject | undefined,
    certificates = [issue(["shop.example.com"])],
    more: JsonObject = {},
  ): Promise<RunningProxy> {
    await mesh.app("10.0.0.1", 8080, hello("v1"));
    const running = await mesh.addProxy(
      "gateway",
      gateway({
        transportSocket: {
          name: "envoy.transport_sockets.tls",
          typedConfig: {
            "@type": type("transport_sockets.tls.v3.DownstreamTlsContext"),
            commonTlsContext: {
              tlsCertificateSdsSecretConfigs: certificates.map((_, index) => sds(`kubernetes://own${index}`)),
              ...(validation === undefined ? {} : { combinedValidationContext: validation }),
            },
            ...more,
          },
        },
      }),
      place,
    );
    for (const [index, { cert, key }] of certificates.entries()) {
      const name = `kubernetes://own${index}`;
      running.discovery.set(typeUrls.secret, name, toBinary(SecretSchema, tlsSecret(name, cert, key)));
    }
    return running;
  }

  function trust(running: RunningProxy, crl: string | undefined, roots = mesh.issuer.certificatePem) {
    const name = "kubernetes://own0-cacert";
    const value = { trustedCa: inline(roots), ...(crl === undefined ? {} : { crl: inline(crl) }) };
    const secret = create(SecretSchema, { name, type: { case: "validationContext", value } });
    running.discovery.set(typeUrls.secret, name, toBinary(SecretSchema, secret));
  }

  /** What a client gets: an answer, or "refused". */
  async function ask(options: ConnectionOptions): Promise<{ got: string; shown: string }> {
    const socket = await mesh.open("127.0.0.1", 80);
    const client = connect({ servername: "shop.example.com", ...options, socket, rejectUnauthorized: false });
    client.on("error", () => {});
    const isSecured = await new Promise<boolean>((resolve) => {
      client.once("secureConnect", () => resolve(true));
      client.once("close", () => resolve(false));
    });
    if (!isSecured) return { got: "refused", shown: "" };
    const certificate = client.getPeerX509Certificate();
    const shown = `${certificate?.publicKey.asymmetricKeyType} ${certificate?.subjectAltName}`;
    const answer = await exchange(client, "GET / HTTP/1.1\r\nHost: a\r\n\r\n").catch(() => undefined);
    client.destroy();
    return { got: answer?.status === 200 ? answered : "refused", shown };
  }

  const settled = async (options: ConnectionOptions, wanted: string) =>
    waitFor(async () => ((await ask(options)).got === wanted ? true : undefined), {
      signal: AbortSignal.timeout(30_000),
    });

  const secretTrust = { validationContextSdsSecretConfig: sds("kubernetes://own0-cacert") };
  const demands = { requireClientCertificate: true };

  test("a gateway refuses clients that the list beside its root revokes, from the moment it comes", async () => {
    const [good, bad] = [issue(["good"]), issue(["bad"])];
    const running = await serve({ defaultValidationContext: {}, ...secretTrust }, undefined, demands);
    trust(running, undefined);
    await settled(bad, answered);
    trust(running, makeRevocationList(mesh.issuer, [bad.cert]));
    await settled(bad, "refused");
    assert.equal((await ask(good)).got, answered);
    assert.match(
      running.proxy.admin("/stats", new URLSearchParams(), "GET").body,
      /ssl.fail_verify_error: [1-9]/,
    );
    trust(running, makeRevocationList(mesh.issuer, []));
    await settled(bad, answered);
  });

  test("a session that was agreed on before a list came can't be resumed with it", async () => {
    const bad = issue(["bad"]);
    const running = await serve({ defaultValidationContext: {}, ...secretTrust }, undefined, demands);
    trust(running, undefined);
    await settled(bad, answered);
    const socket = await mesh.open("127.0.0.1", 80);
    const first = connect({ ...bad, socket, rejectUnauthorized: false, maxVersion: "TLSv1.2" });
    await new Promise((resolve) => first.once("secureConnect", resolve));
    const session = first.getSession();
    first.destroy();
    trust(running, makeRevocationList(mesh.issuer, [bad.cert]));
    await settled(bad, "refused");
    assert.equal((await ask({ ...bad, ...(session && { session }), maxVersion: "TLSv1.2" })).got, "refused");
  });

  test("all lists of a text count, also those among the roots, and each issuer needs one", async () => {
    const other = makeRoot("other root");
    const [one, two] = [issue(["one"]), issue(["two"])];
    const running = await serve({ defaultValidationContext: {}, ...secretTrust }, undefined, demands);
    const [ours, theirs] = [makeRevocationList(mesh.issuer, [two.cert]), makeRevocationList(other, [])];
    trust(running, theirs + ours);
    await settled(one, answered);
    assert.equal((await ask(two)).got, "refused");
    trust(running, theirs);
    await settled(one, "refused");
    trust(running, undefined, mesh.issuer.certificatePem + ours);
    await settled(one, answered);
    assert.equal((await ask(two)).got, "refused");
  });

  test("a list that can't be read is not taken, and the one before it stays", async () => {
    const bad = issue(["bad"]);
    const running = await serve({ defaultValidationContext: {}, ...secretTrust }, undefined, demands);
    trust(running, makeRevocationList(mesh.issuer, [bad.cert]));
    await settled(issue(["good"]), answered);
    for (const wrong of [
      "no list",
      makeRevocationList(mesh.issuer, []).replace(/\n[^-]{20}/, "\nAAAAAAAAAAAAAAAAAAAA"),
    ]) {
      const before = running.proxy.state.types.get(typeUrls.secret)?.nonce;
      trust(running, wrong);
      await waitFor(
        () => {
          const now = running.proxy.state.types.get(typeUrls.secret);
          return now?.nonce !== before && now?.rejected?.includes("kubernetes://own0-cacert")
            ? true
            : undefined;
        },
        { signal: AbortSignal.timeout(30_000) },
      );
      assert.equal((await ask(bad)).got, "refused");
    }
  });

  test("a list in a file of the pod is the agent's to read; no client is let in before it did", async () => {
    const [good, bad] = [issue(["good"]), issue(["bad"])];
    const defaultValidationContext = { crl: { filename: "/etc/lists/crl.pem" } };
    const running = await serve({ defaultValidationContext, ...secretTrust }, undefined, demands);
    trust(running, undefined);
    await settled(good, "refused");
    running.secrets.put(
      "file-crl:/etc/lists/crl.pem",
      create(SecretSchema, {
        type: {
          case: "validationContext",
          value: { crl: inline(makeRevocationList(mesh.issuer, [bad.cert])) },
        },
      }),
    );
    await settled(good, answered);
    assert.equal((await ask(bad)).got, "refused");
  });

  test("ACCEPT_UNTRUSTED lets any certificate in, but asks for one", async () => {
    const bad = issue(["bad"]);
    const defaultValidationContext = {
      trustChainVerification: "ACCEPT_UNTRUSTED",
      matchSubjectAltNames: [{ exact: "good" }],
    };
    const running = await serve({ defaultValidationContext, ...secretTrust }, undefined, demands);
    trust(running, makeRevocationList(mesh.issuer, [bad.cert]));
    await settled(bad, answered);
    const key = generateKey();
    const cert = issueCertificate({ publicKey: key.publicKey, dnsNames: ["x"], ...validity }, makeRoot("x"));
    assert.equal((await ask({ cert, key: key.privateKeyPem })).got, answered);
    assert.equal((await ask({})).got, "refused");
  });

  for (const { title, revokes, status } of [
    { title: "answers", revokes: "another", status: 200 },
    { title: "is refused", revokes: "its own", status: 503 },
  ]) {
    test(`an upstream whose list revokes ${revokes} certificate ${title}`, async () => {
      const own = issue(["api.example.com"]);
      const revoked = revokes === "another" ? issue(["another"]) : own;
      const server = createServer(own, hello("v1"));
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      mesh.map("10.0.0.1", 8080, server.address() as AddressInfo);
      const transportSocket = {
        name: "envoy.transport_sockets.tls",
        typedConfig: {
          "@type": type("transport_sockets.tls.v3.UpstreamTlsContext"),
          commonTlsContext: {
            validationContext: {
              trustedCa: { inlineString: mesh.issuer.certificatePem },
              crl: { inlineString: makeRevocationList(mesh.issuer, [revoked.cert]) },
            },
          },
        },
      };
      const { proxy } = await mesh.addProxy(
        "gateway",
        gateway({ clusters: [cluster("app", ["10.0.0.1"], { transportSocket })] }),
        place,
      );
      const client = await mesh.open("127.0.0.1", 80);
      const answer = await exchange(client, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
      assert.equal(answer.status, status);
      const { body } = proxy.admin("/stats", new URLSearchParams({ filter: "app.*fail_verify" }), "GET");
      assert.match(body, status === 503 ? /fail_verify\w*: [1-9]/ : /fail_verify\w*: 0/);
      client.destroy();
      server.closeAllConnections();
      server.close();
    });
  }

  test("of several certificates a client gets one of its name, ECDSA if it can verify that", async () => {
    const rsa = (names: string[]) => {
      const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
      const { cert } = issue(names, publicKey);
      return { cert, key: privateKey.export({ type: "pkcs8", format: "pem" }).toString() };
    };
    await serve(undefined, [
      rsa(["first.example.com"]),
      issue(["shop.example.com"]),
      rsa(["shop.example.com", "*.wild.example.com"]),
      issue(["other.example.com"]),
    ]);
    await settled({}, answered);
    const onlyRsa = { sigalgs: "rsa_pss_rsae_sha256:rsa_pkcs1_sha256" };
    const tls12 = { maxVersion: "TLSv1.2" as const };
    const rsaFirst = { ciphers: "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES128-GCM-SHA256", ...tls12 };
    for (const [servername, options, shown] of [
      ["shop.example.com", {}, "ec DNS:shop.example.com"],
      ["shop.example.com", onlyRsa, "rsa DNS:shop.example.com, DNS:*.wild.example.com"],
      ["shop.example.com", { ...onlyRsa, ...tls12 }, "rsa DNS:shop.example.com, DNS:*.wild.example.com"],
      ["shop.example.com", rsaFirst, "ec DNS:shop.example.com"],
      ["a.wild.example.com", {}, "rsa DNS:shop.example.com, DNS:*.wild.example.com"],
      ["a.b.wild.example.com", {}, "rsa DNS:first.example.com"],
      ["OTHER.example.com", {}, "ec DNS:other.example.com"],
      ["unknown.example.com", {}, "rsa DNS:first.example.com"],
      ["", {}, "ec DNS:shop.example.com"],
      ["", onlyRsa, "rsa DNS:first.example.com"],
    ] as const) {
      const { shown: got } = await ask({ servername, ...options });
      assert.equal(got, shown, `${servername} ${JSON.stringify(options)}`);
    }
  });
});
