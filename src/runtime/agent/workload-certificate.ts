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

/**
 * Keeps the workload's certificate: key and request are made here, istiod signs. It is renewed after about half of
 * its life, and when the roots change; until a renewal works, the old one stays. The key never leaves this process.
 */
export function keepWorkloadCertificate(options: WorkloadCertificateOptions): WorkloadCertificate {
  const { clock, log, signal } = options;
  const changes = createSignal();
  const current = new Map<string, Secret>();
  const listeners = new Map<string, Set<() => void>>();
  let mountedRoots = "";
  let issuedRoots = "";
  let wake = () => {};

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
    const [leaf, last] = [chain[0], chain.at(-1)];
    if (leaf === undefined || last === undefined) throw new Error("istiod answered without a certificate");
    const certificate = new X509Certificate(leaf);
    if (!certificate.checkPrivateKey(key.privateKey)) throw new Error("istiod certified another key");
    const authority = new X509Certificate(last);
    issuedRoots = authority.subject === authority.issuer ? last : "";
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
        const delay = await issue();
        retry.reset();
        if (signal.aborted) return;
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
  const watchRoots = async () => {
    const next = await options.roots().catch(() => mountedRoots);
    if (signal.aborted) return;
    if (next !== mountedRoots && current.has("default")) {
      mountedRoots = next;
      publishRoots();
      wake();
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

function normal(pem: string): string {
  return `${pem.trim().replaceAll("\r\n", "\n")}\n`;
}
