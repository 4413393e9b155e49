import assert from "node:assert/strict";
import http2 from "node:http2";
import type { AddressInfo } from "node:net";
import { create, toBinary } from "@bufbuild/protobuf";
import { afterEach, suite, test } from "vitest";
import { IstioCertificateRequestSchema, IstioCertificateResponseSchema } from "./gen/istio/v1/auth/ca_pb.js";
import {
  callUnary,
  type GrpcCall,
  GrpcError,
  type GrpcHandlers,
  grpcStatus,
  openGrpc,
  readUnary,
  serveGrpc,
} from "./index.ts";

const stops: (() => void)[] = [];
afterEach(() => {
  for (const stop of stops.splice(0)) stop();
});

async function connect(handlers: GrpcHandlers): Promise<http2.ClientHttp2Session> {
  const server = http2.createServer();
  server.on("stream", (stream, headers) =>
    serveGrpc(stream, headers, handlers, { address: "127.0.0.1", identities: [] }, () => {}),
  );
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const session = http2.connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  stops.push(() => {
    session.destroy();
    server.close();
  });
  return session;
}

const never = new AbortController().signal;
const ask = (session: http2.ClientHttp2Session, csr: string) =>
  callUnary(
    session,
    "/a",
    [IstioCertificateRequestSchema, create(IstioCertificateRequestSchema, { csr })],
    IstioCertificateResponseSchema,
    {
      metadata: { clusterid: "fra" },
      signal: never,
    },
  );

suite("gRPC", () => {
  test("a unary call carries the message, the metadata and the answer", async () => {
    const session = await connect({
      async "/a"(call: GrpcCall) {
        const { csr } = await readUnary(call, IstioCertificateRequestSchema);
        const answer = create(IstioCertificateResponseSchema, {
          certChain: [csr, call.metadata["clusterid"] ?? ""],
        });
        call.send(toBinary(IstioCertificateResponseSchema, answer));
      },
    });
    assert.deepEqual(
      (await ask(session, "x".repeat(200_000))).certChain.map((one) => one.length),
      [200_000, 3],
    );
  });

  test("a status other than OK reaches the caller with its text", async () => {
    const session = await connect({
      async "/a"() {
        throw new GrpcError(grpcStatus.unauthenticated, "authentication failure: ünknown");
      },
    });
    await assert.rejects(ask(session, ""), (reason) => {
      return (
        reason instanceof GrpcError &&
        reason.code === 16 &&
        reason.message === "authentication failure: ünknown"
      );
    });
  });

  test("an unknown method is UNIMPLEMENTED", async () => {
    await assert.rejects(
      ask(await connect({}), ""),
      (reason) => reason instanceof GrpcError && reason.code === grpcStatus.unimplemented,
    );
  });

  test("a stream carries messages both ways until either side ends", async () => {
    const session = await connect({
      async "/s"(call) {
        for await (const message of call.messages) call.send(Buffer.concat([message, Buffer.from("!")]));
      },
    });
    const stream = openGrpc(session, "/s", {}, never);
    for (const text of ["a", "b", "c"]) stream.send(Buffer.from(text));
    stream.end();
    const seen: string[] = [];
    for await (const message of stream.messages) seen.push(Buffer.from(message).toString());
    assert.deepEqual(seen, ["a!", "b!", "c!"]);
  });

  test("aborting the caller's signal ends the server's call", async () => {
    let ended = () => {};
    const done = new Promise<void>((resolve) => {
      ended = resolve;
    });
    const session = await connect({
      async "/s"(call) {
        call.signal.addEventListener("abort", ended);
        call.send(Buffer.from("here"));
        for await (const _ of call.messages);
      },
    });
    const abort = new AbortController();
    const stream = openGrpc(session, "/s", {}, abort.signal);
    for await (const _ of stream.messages) break;
    abort.abort();
    await done;
  });
});
