import type { Secret } from "../../kube/index.ts";
import { certificateInfo, keyMatches } from "../../pki/index.ts";
import type { GatewayCredential } from "../contracts.ts";

/** What a Secret is worth as a gateway's certificate. Keys as Istio reads them: tls.crt and tls.key, or cert and key. */
export function gatewayCredential({ metadata, data = {} }: Secret): GatewayCredential {
  const { name, namespace = "default" } = metadata;
  const chain = data["tls.crt"] ?? data["cert"];
  const key = data["tls.key"] ?? data["key"];
  if (chain === undefined) return { name, namespace, trouble: "it has no tls.crt (or cert)" };
  if (key === undefined) return { name, namespace, trouble: "it has no tls.key (or key)" };
  try {
    const certificate = text(chain);
    const { notAfter, dnsNames } = certificateInfo(certificate);
    return keyMatches(certificate, text(key))
      ? { name, namespace, notAfter, dnsNames }
      : { name, namespace, notAfter, dnsNames, trouble: "its key is not that of its certificate" };
  } catch {
    // What the parser says may quote what it was given.
    return { name, namespace, trouble: "its certificate or its key is not PEM" };
  }
}

function text(base64: string): string {
  return Buffer.from(base64, "base64").toString("utf8");
}
