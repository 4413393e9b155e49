import { text } from "node:stream/consumers";
import type { Clock } from "../../../base/index.ts";
import { isApiError, kinds, type Secret } from "../../../kube/index.ts";
import { generateKey, type Issuer, issueCertificate, readIssuer } from "../../../pki/index.ts";
import {
  type ContainerContext,
  type RequestHandler,
  type StandIn,
  serveRequests,
} from "../../../runtime/index.ts";
import { answerHealth } from "./answer-health.ts";
import { flags } from "./flags.ts";

const healthPort = 6080;
const year = 365 * 24 * 3_600_000;
const backdate = 60_000;

/**
 * cert-manager's webhook. What it would refuse, our own definitions refuse by their rules, so that with them it need only be
 * well. With upstream's manifests, which send it every object, it serves on --secure-port under a CA of its own, kept in the
 * Secret from which the cainjector takes it, and lets all of them through.
 */
export function createWebhookStandIn(clock: Clock): StandIn {
  return {
    name: "cert-manager webhook",
    matches: (image) => image === "cert-manager-webhook",
    ports: [healthPort],
    async start(context) {
      const ports = new Map<number, RequestHandler>([[healthPort, answerHealth]]);
      const [secretName] = flags(context, "dynamic-serving-ca-secret-name");
      if (secretName === undefined) return serveRequests(context, ports);
      const port = Number(flags(context, "secure-port")[0] ?? 10250);
      const [namespace = context.pod.metadata.namespace ?? "cert-manager"] = flags(
        context,
        "dynamic-serving-ca-secret-namespace",
      );
      const authority = await webhookAuthority(context, namespace, secretName, clock);
      ports.set(port, letThrough);
      const certificate = servingCertificate(authority, flags(context, "dynamic-serving-dns-names"), clock);
      return serveRequests(context, ports, { tls: new Map([[port, certificate]]) });
    },
  };
}

/** An AdmissionReview is answered with leave. */
const letThrough: RequestHandler = async (request, response) => {
  const {
    apiVersion,
    kind,
    request: asked,
  } = JSON.parse(await text(request)) as {
    readonly apiVersion: string;
    readonly kind: string;
    readonly request?: { readonly uid?: string };
  };
  response
    .writeHead(200, { "content-type": "application/json" })
    .end(JSON.stringify({ apiVersion, kind, response: { uid: asked?.uid ?? "", allowed: true } }));
};

/** The CA in its Secret, made when it is first needed. */
async function webhookAuthority(
  context: ContainerContext,
  namespace: string,
  name: string,
  clock: Clock,
): Promise<Issuer> {
  const { client } = context;
  const kept = await client.get(kinds.secrets, name, namespace);
  if (kept !== undefined) return readAuthority(kept);
  const key = generateKey();
  const now = clock.now();
  const certificate = issueCertificate(
    {
      publicKey: key.publicKey,
      subject: { commonName: "cert-manager-webhook-ca" },
      ca: {},
      notBefore: now - backdate,
      notAfter: now + year,
    },
    { selfKey: key.privateKey },
  );
  const base64 = (pem: string) => Buffer.from(pem).toString("base64");
  try {
    return readAuthority(
      await client.create(kinds.secrets, {
        apiVersion: "v1",
        kind: "Secret",
        type: "Opaque",
        metadata: { name, namespace, annotations: { "cert-manager.io/allow-direct-injection": "true" } },
        data: {
          "ca.crt": base64(certificate),
          "tls.crt": base64(certificate),
          "tls.key": base64(key.privateKeyPem),
        },
      }),
    );
  } catch (reason) {
    // Another replica was faster.
    if (isApiError(reason, 409)) return webhookAuthority(context, namespace, name, clock);
    throw reason;
  }
}

function readAuthority({ data = {} }: Secret): Issuer {
  const pem = (field: string) => Buffer.from(data[field] ?? "", "base64").toString("utf8");
  return readIssuer(pem("tls.crt"), pem("tls.key"));
}

function servingCertificate(authority: Issuer, dnsNames: readonly string[], clock: Clock) {
  const key = generateKey();
  const now = clock.now();
  const certificate = issueCertificate(
    { publicKey: key.publicKey, dnsNames, notBefore: now - backdate, notAfter: now + year },
    authority,
  );
  return { cert: certificate, key: key.privateKeyPem };
}
