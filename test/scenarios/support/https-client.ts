import { X509Certificate } from "node:crypto";
import { request } from "node:https";
import tls from "node:tls";

/** An answer over HTTPS, and the certificate that was shown for it. */
export interface HttpsAnswer {
  readonly status: number;
  readonly body: string;
  readonly certificate: X509Certificate;
}

/** GET on a connection of its own, as a browser that trusts `ca` makes it. Rejects as it would refuse. */
export function getHttps(options: {
  readonly address: string;
  readonly port?: number;
  readonly host: string;
  readonly path?: string;
  readonly ca: string;
}): Promise<HttpsAnswer> {
  const { address, port = 443, host, path = "/", ca } = options;
  return new Promise((resolve, reject) => {
    const call = request(
      { host: address, port, path, servername: host, ca, headers: { host }, agent: false },
      async (response) => {
        const peer = (response.socket as tls.TLSSocket).getPeerX509Certificate();
        try {
          let body = "";
          for await (const chunk of response) body += String(chunk);
          if (peer === undefined) throw new Error("no certificate was shown");
          resolve({ status: response.statusCode ?? 0, body, certificate: new X509Certificate(peer.raw) });
        } catch (reason) {
          reject(reason);
        }
      },
    );
    call.setTimeout(30_000, () => call.destroy(new Error("no answer within 30 s")));
    call.on("error", reject);
    call.end();
  });
}

/** How a TLS handshake ends that takes any certificate: "done", or the error. */
export function handshake(address: string, port: number, servername: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = tls.connect({ host: address, port, servername, rejectUnauthorized: false }, () => {
      resolve("done");
      socket.destroy();
    });
    socket.setTimeout(30_000, () => socket.destroy(new Error("no answer within 30 s")));
    socket.on("error", (reason) => resolve(reason.message));
    socket.on("close", () => resolve("closed"));
  });
}
