import assert from "node:assert/strict";
import type { ClientHttp2Session } from "node:http2";
import { create } from "@bufbuild/protobuf";
import { afterEach, beforeEach, suite, test } from "vitest";
import { certificateInfo, createCsr, generateKey } from "../../pki/index.ts";
import {
  IstioCertificateRequestSchema,
  IstioCertificateResponseSchema,
} from "../../xds/gen/istio/v1/auth/ca_pb.js";
import { callUnary, GrpcError, grpcStatus, methods, typeUrls } from "../../xds/index.ts";
import { openDelta, testNode, tlsSession } from "./test-support/ads-client.ts";
import { remoteSecret, testNamespace, testService } from "./test-support/objects.ts";
import { startTestMesh, type TestMesh } from "./test-support/test-mesh.ts";

const identity = "spiffe://cluster.local/ns/sample/sa/client";

suite("the secure port", () => {
  let mesh: TestMesh;
  let session: ClientHttp2Session;

  beforeEach(async () => {
    mesh = await startTestMesh([
      testNamespace("sample"),
      testService("web"),
      remoteSecret("r", { c2: "c2" }),
    ]);
    mesh.api.tokens.set("good", "sample:client");
    mesh.remote("c2").tokens.set("remote-token", "sample:client");
    session = tlsSession(mesh.portOf(15012), mesh.signer.rootPem);
  });
  afterEach(async () => {
    session.destroy();
    await mesh.stop();
  });

  const certificate = (
    metadata: Readonly<Record<string, string>>,
    uris: readonly string[] = [identity],
    days = 0n,
  ) => {
    const key = generateKey();
    const request = create(IstioCertificateRequestSchema, {
      csr: createCsr(key, { uris: [...uris] }),
      validityDuration: days * 24n * 3600n,
    });
    return callUnary(
      session,
      methods.createCertificate,
      [IstioCertificateRequestSchema, request],
      IstioCertificateResponseSchema,
      { metadata, signal: AbortSignal.timeout(30_000) },
    ).then((answer) => ({ key, chain: answer.certChain }));
  };
  const refusedWith = (code: number) => (reason: unknown) =>
    reason instanceof GrpcError && reason.code === code;

  test("a token of the own cluster gives a certificate for its account, lasting a day", async () => {
    const { chain } = await certificate({ authorization: "Bearer good", clusterid: "c1" });
    const info = certificateInfo(chain[0] ?? "");
    assert.deepEqual(info.uris, [identity]);
    assert.ok(Math.abs(info.notAfter - Date.now() - 24 * 3_600_000) < 120_000);
    assert.equal(chain.at(-1), mesh.signer.rootPem);
  });

  test("a lifetime that was asked for is given, up to a limit", async () => {
    const { chain } = await certificate({ authorization: "Bearer good", clusterid: "c1" }, [], 3650n);
    const { notAfter } = certificateInfo(chain[0] ?? "");
    assert.ok(notAfter < Date.now() + 91 * 24 * 3_600_000);
  });

  test("a token of a remote cluster is judged by that cluster's API, and only there", async () => {
    const { chain } = await certificate({ authorization: "Bearer remote-token", clusterid: "c2" });
    assert.deepEqual(certificateInfo(chain[0] ?? "").uris, [identity]);
    await assert.rejects(
      certificate({ authorization: "Bearer remote-token", clusterid: "c1" }),
      refusedWith(grpcStatus.unauthenticated),
    );
  });

  test("an unknown cluster, a wrong token and no token at all are turned away alike", async () => {
    for (const metadata of [
      { authorization: "Bearer good", clusterid: "c9" },
      { authorization: "Bearer bad" },
      {},
    ]) {
      await assert.rejects(certificate(metadata), (reason) => {
        assert.ok(reason instanceof GrpcError);
        assert.equal(reason.code, grpcStatus.unauthenticated);
        assert.equal(reason.message, "authentication failure");
        return true;
      });
    }
  });

  test("a request for somebody else's identity is refused", async () => {
    await assert.rejects(
      certificate({ authorization: "Bearer good" }, ["spiffe://cluster.local/ns/kube-system/sa/admin"]),
      refusedWith(grpcStatus.unauthenticated),
    );
  });

  test("a CSR that is none is refused as such", async () => {
    await assert.rejects(
      callUnary(
        session,
        methods.createCertificate,
        [IstioCertificateRequestSchema, create(IstioCertificateRequestSchema, { csr: "hello" })],
        IstioCertificateResponseSchema,
        { metadata: { authorization: "Bearer good" }, signal: AbortSignal.timeout(30_000) },
      ),
      refusedWith(grpcStatus.invalidArgument),
    );
  });

  test("configuration is given to the caller's own proxies only", async () => {
    const own = openDelta(session, { authorization: "Bearer good", clusterid: "c1" });
    own.send({ node: testNode(), typeUrl: typeUrls.cluster });
    assert.ok((await own.next(typeUrls.cluster)).resources.length > 0);
    const other = openDelta(session, { authorization: "Bearer good", clusterid: "c1" });
    other.send({
      node: testNode({ namespace: "istio-system", account: "client" }),
      typeUrl: typeUrls.cluster,
    });
    const failure = await other.failure;
    assert.ok(failure instanceof GrpcError);
    assert.equal(failure.code, grpcStatus.unauthenticated);
  });

  test("a workload certificate of the mesh stands for its token", async () => {
    const { key, chain } = await certificate({ authorization: "Bearer good" });
    const pem = key.privateKey.export({ type: "pkcs8", format: "pem" }).toString();
    const renewing = tlsSession(mesh.portOf(15012), mesh.signer.rootPem, {
      key: pem,
      cert: chain.join("\n"),
    });
    const client = openDelta(renewing);
    client.send({ node: testNode(), typeUrl: typeUrls.cluster });
    assert.ok((await client.next(typeUrls.cluster)).resources.length > 0);
    renewing.destroy();
  });

  test("a token is reviewed once for the several calls of a starting pod", async () => {
    await Promise.all([1, 2, 3].map(() => certificate({ authorization: "Bearer good" })));
    assert.equal(mesh.api.reviews, 1);
  });

  test("configuration without a token is refused", async () => {
    const client = openDelta(session);
    client.send({ node: testNode(), typeUrl: typeUrls.cluster });
    const failure = await client.failure;
    assert.ok(failure instanceof GrpcError && failure.code === grpcStatus.unauthenticated);
  });
});
