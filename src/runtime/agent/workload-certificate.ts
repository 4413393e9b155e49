import { X509Certificate } from "node:crypto";
import { create } from "@bufbuild/protobuf";
import { type Clock, createRetry, createSignal, type Logger, type Signal } from "../../base/index.ts";
import { createCsr, generateKey, splitPem } from "../../pki/index.ts";
import {
  type Secret,
  SecretSchema,
} from "../../xds/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.js";
import {
  IstioCertificateRequestSchema,
  IstioCertificateResponseSchema,
} from "../../xds/gen/istio/v1/auth/ca_pb.js";
import { callUnary, methods } from "../../xds/index.ts";
import type { AgentConfig } from "./agent-config.ts";
import type { AgentSecrets } from "./contracts.ts";
import type { ControlPlane } from "./control-plane.ts";

export interface WorkloadCertificateOptions {
  readonly config: AgentConfig;
  readonly controlPlane: ControlPlane;
  /** PEM of the roots that the cluster's configuration names, as mounted at the moment. */
  roots(): Promise<string>;
  token(): Promise<string>;
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

/** The workload's certificate and what it trusts, kept fresh until `signal` aborts. */
export interface WorkloadCertificate {
  readonly secrets: AgentSecrets;
  readonly isIssued: boolean;
  /** Told when a secret changed. */
  readonly changes: Signal;
}

const lifetimeSeconds = 24 * 3600;
const requestTimeout = 10_000;
/** How often the mounted roots are read again, as a kubelet would bring them. */
const rootInterval = 5_000;
/** Over how long the renewals of a mesh are spread when its control planes sign with something new, milliseconds. */
const renewalSpread = 500;

/**
 * Keeps the workload's certificate: key and request are made here, istiod signs. It is renewed after about half of
 * its life, when the roots change, and when istiod shows by its own certificate that it signs with another
 * intermediate now; until a renewal works, the old one stays. The key never leaves this process.
 */
export function keepWorkloadCertificate(options: WorkloadCertificateOptions): WorkloadCertificate {
  const { clock, log, signal } = options;
  const changes = createSignal();
  const current = new Map<string, Secret>();
  const listeners = new Map<string, Set<() => void>>();
  let mountedRoots = "";
  let issuedRoots = "";
  let intermediate: X509Certificate | undefined;
  let wake = () => {};
  let isStale = false;
  const renew = () => {
    isStale = true;
    wake();
  };

  const publish = (secret: Secret) => {
    current.set(secret.name, secret);
    for (const listener of [...(listeners.get(secret.name) ?? [])]) listener();
    changes.notify();
  };
  let publishedRoots = "";
  const publishRoots = () => {
    const bundle = [...new Set([...splitPem(issuedRoots), ...splitPem(mountedRoots)].map(normal))].join("");
    if (bundle === publishedRoots || bundle === "") return;
    publishedRoots = bundle;
    publish(rootSecret(bundle));
  };

  const issue = async (): Promise<number> => {
    mountedRoots = await options.roots();
    const key = generateKey();
    const chain = await requestChain(options, createCsr(key, { uris: [identityOf(options.config)] }));
    const [leaf, issuer] = chain;
    if (leaf === undefined) throw new Error("istiod answered without a certificate");
    const certificate = new X509Certificate(leaf);
    if (!certificate.checkPrivateKey(key.privateKey)) throw new Error("istiod certified another key");
    intermediate = issuer === undefined ? undefined : new X509Certificate(issuer);
    issuedRoots = chain.slice(1).filter(isSelfSigned).join("");
    publishRoots(); // First, so that nobody holds a certificate that its peers' roots don't cover.
    publish(keySecret(key.privateKeyPem, chain.map(normal).join("")));
    const [from, until] = [Date.parse(certificate.validFrom), Date.parse(certificate.validTo)];
    log.debug({ until: certificate.validTo }, "got a workload certificate");
    // Half of its life, give or take, so that pods that started together don't ask together.
    const renewal = from + (until - from) * (0.49 + 0.02 * Math.random());
    return Math.max(1000, renewal - clock.now());
  };

  const run = async () => {
    const retry = createRetry(clock, { first: 50, most: 10_000 });
    while (!signal.aborted) {
      try {
        isStale = false;
        const delay = await issue();
        retry.reset();
        if (signal.aborted) return;
        if (isStale) continue;
        await new Promise<void>((resolve) => {
          const cancel = clock.after(delay, resolve);
          wake = () => {
            cancel();
            resolve();
          };
        });
      } catch (reason) {
        if (signal.aborted) return;
        log.debug({ reason: String(reason) }, "no workload certificate yet, trying again");
        await retry.wait(signal);
      }
    }
  };
  options.controlPlane.onServer(options.config.certificateAuthority, (server) => {
    if (intermediate === undefined || server.verify(intermediate.publicKey) || signal.aborted) return;
    // All proxies are told at once; they need not all ask at once.
    const cancel = clock.after(Math.random() * renewalSpread, () => {
      signal.removeEventListener("abort", cancel);
      renew();
    });
    signal.addEventListener("abort", cancel, { once: true });
  });
  const watchRoots = async () => {
    const next = await options.roots().catch(() => mountedRoots);
    if (signal.aborted) return;
    if (next !== mountedRoots && current.has("default")) {
      mountedRoots = next;
      publishRoots();
      renew();
    }
    cancelWatch = clock.after(rootInterval, () => void watchRoots());
  };
  let cancelWatch = clock.after(rootInterval, () => void watchRoots());
  signal.addEventListener("abort", () => {
    cancelWatch();
    wake();
  });
  void run();

  return {
    changes,
    get isIssued() {
      return current.has("default");
    },
    secrets: {
      get: (name) => current.get(name),
      onChange(name, listener, until) {
        const known = listeners.get(name) ?? new Set();
        listeners.set(name, known);
        known.add(listener);
        until.addEventListener("abort", () => known.delete(listener), { once: true });
      },
    },
  };
}

/** spiffe://TRUST-DOMAIN/ns/NAMESPACE/sa/ACCOUNT */
function identityOf({ trustDomain, namespace, serviceAccount }: AgentConfig): string {
  return `spiffe://${trustDomain}/ns/${namespace}/sa/${serviceAccount}`;
}

async function requestChain(options: WorkloadCertificateOptions, csr: string): Promise<readonly string[]> {
  const { config, controlPlane, signal } = options;
  const session = await controlPlane.session(config.certificateAuthority);
  const request = create(IstioCertificateRequestSchema, { csr, validityDuration: BigInt(lifetimeSeconds) });
  const metadata = { authorization: `Bearer ${await options.token()}`, clusterid: config.clusterId };
  const answer = await callUnary(
    session,
    methods.createCertificate,
    [IstioCertificateRequestSchema, request],
    IstioCertificateResponseSchema,
    { metadata, signal: AbortSignal.any([signal, AbortSignal.timeout(requestTimeout)]) },
  );
  // One entry may hold several certificates.
  return answer.certChain.flatMap(splitPem);
}

function keySecret(key: string, chain: string): Secret {
  return create(SecretSchema, {
    name: "default",
    type: {
      case: "tlsCertificate",
      value: { certificateChain: inline(chain), privateKey: inline(key) },
    },
  });
}

function rootSecret(bundle: string): Secret {
  return create(SecretSchema, {
    name: "ROOTCA",
    type: { case: "validationContext", value: { trustedCa: inline(bundle) } },
  });
}

function inline(text: string) {
  return { specifier: { case: "inlineBytes" as const, value: Buffer.from(text) } };
}

function isSelfSigned(pem: string): boolean {
  const { subject, issuer } = new X509Certificate(pem);
  return subject === issuer;
}

function normal(pem: string): string {
  return `${pem.trim().replaceAll("\r\n", "\n")}\n`;
}
