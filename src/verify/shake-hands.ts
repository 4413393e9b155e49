import tls from "node:tls";
import { generateKey, issueCertificate } from "../pki/index.ts";
import type { Handshake } from "./contracts.ts";

const handshakeTimeout = 3_000;

/**
 * A handshake as a stranger tries it, from this machine. TLS 1.3 servers refuse a client's certificate after the client is done, so one byte is
 * awaited.
 */
export function shakeHands(
  host: string,
  port: number,
  options: { readonly serverName?: string; readonly foreignCertificate: boolean },
): Promise<Handshake> {
  return new Promise((resolve) => {
    const socket = tls.connect({
      host,
      port,
      rejectUnauthorized: false,
      ...(options.serverName === undefined ? {} : { servername: options.serverName }),
      ...(options.foreignCertificate
        ? { ...foreignIdentity(), ALPNProtocols: ["istio-peer-exchange", "istio"] }
        : {}),
    });
    let isReached = false;
    const done = (accepted: boolean, detail: string) => {
      socket.destroy();
      resolve({ isReached, accepted, detail });
    };
    socket.on("connect", () => {
      isReached = true;
    });
    socket.on("secureConnect", () => {
      if (!options.foreignCertificate) return done(true, "the handshake completed");
      socket.write("GET / HTTP/1.1\r\nhost: isthmus-verify\r\nconnection: close\r\n\r\n");
    });
    socket.on("data", () => done(true, "an answer came"));
    socket.on("end", () => done(false, "closed without an answer"));
    socket.on("error", (reason: NodeJS.ErrnoException) => done(false, reason.code ?? reason.message));
    socket.on("close", () => done(false, "closed"));
    socket.setTimeout(handshakeTimeout, () => done(false, "no answer"));
  });
}

function foreignIdentity(): { readonly key: string; readonly cert: string } {
  const key = generateKey();
  const now = Date.now();
  const cert = issueCertificate(
    {
      publicKey: key.publicKey,
      uris: ["spiffe://cluster.local/ns/istio-system/sa/stranger"],
      notBefore: now - 60_000,
      notAfter: now + 3600_000,
    },
    { selfKey: key.privateKey },
  );
  return { key: key.privateKeyPem, cert };
}
