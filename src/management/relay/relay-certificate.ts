import { generateKey, issueCertificate, readIssuer } from "../../pki/index.ts";
import { relayName } from "./protocol.ts";

const day = 24 * 60 * 60 * 1000;
/** For clocks that are behind. */
const backdate = 5 * 60 * 1000;

/** The manager's certificate and the CA that agents know it by; PEM. */
export interface RelayCertificate {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** Makes a CA and a certificate of it for the manager, for ten years; nothing else is ever signed by that CA. */
export function createRelayCertificate(now: number): RelayCertificate {
  const validity = { notBefore: now - backdate, notAfter: now + 3650 * day };
  const root = generateKey();
  const ca = issueCertificate(
    {
      publicKey: root.publicKey,
      subject: { commonName: "isthmus relay" },
      ca: { pathLength: 0 },
      ...validity,
    },
    { selfKey: root.privateKey },
  );
  const own = generateKey();
  const cert = issueCertificate(
    { publicKey: own.publicKey, subject: { commonName: relayName }, dnsNames: [relayName], ...validity },
    readIssuer(ca, root.privateKeyPem),
  );
  return { ca, cert, key: own.privateKeyPem };
}
