import { connect } from "node:http2";
import type { ProbeResult, ProbeTarget } from "./probe.ts";

/** Asks a gRPC server for its health (grpc.health.v1.Health/Check). Never rejects. */
export function probeGrpc(options: {
  readonly target: ProbeTarget;
  readonly port: number;
  readonly service: string;
  readonly timeout: number;
}): Promise<ProbeResult> {
  const { target, port, service, timeout } = options;
  const place = { address: target.podAddress, port };
  const shown = `${place.address}:${port}`;
  return new Promise((resolve) => {
    const session = connect(`http://${shown}`, { createConnection: () => target.dial(place) });
    const end = (result: ProbeResult) => {
      clearTimeout(timer);
      session.destroy();
      resolve(result);
    };
    const fail = (message: string) => end({ ok: false, message });
    const timer = setTimeout(
      () => fail(`timeout: failed to connect service ${JSON.stringify(shown)} within ${timeout / 1000}s`),
      timeout,
    );
    session.on("error", (reason) =>
      fail(`error: failed to connect service ${JSON.stringify(shown)}: ${reason.message}`),
    );
    const call = session.request({
      ":method": "POST",
      ":path": "/grpc.health.v1.Health/Check",
      "content-type": "application/grpc",
      te: "trailers",
    });
    let body = Buffer.alloc(0);
    let status = "";
    const readStatus = (headers: Readonly<Record<string, unknown>>) => {
      status = String(headers["grpc-status"] ?? status);
    };
    call.on("error", (reason) => fail(`error: health rpc failed: ${reason.message}`));
    call.on("response", readStatus);
    call.on("trailers", readStatus);
    call.on("data", (chunk: Buffer) => {
      body = Buffer.concat([body, chunk]).subarray(0, 64);
    });
    call.on("end", () => {
      if (status !== "" && status !== "0") return fail(`error: health rpc failed: grpc status ${status}`);
      // A HealthCheckResponse has one field: 08 (status) and its number; 1 is SERVING.
      const serving = body[5] === 0x08 && body[6] === 1;
      return serving
        ? end({ ok: true })
        : fail(`service unhealthy (responded with ${JSON.stringify(servingStatus(body[6]))})`);
    });
    call.end(frame(service));
  });
}

/** The length-prefixed HealthCheckRequest for `service`. */
function frame(service: string): Buffer {
  const name = Buffer.from(service).subarray(0, 127);
  const message =
    name.length === 0 ? Buffer.alloc(0) : Buffer.concat([Buffer.from([0x0a, name.length]), name]);
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

function servingStatus(number: number | undefined): string {
  return ["UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"][number ?? 0] ?? "UNKNOWN";
}
