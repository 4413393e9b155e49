import type { KeyObject, X509Certificate } from "node:crypto";
import { type Condition, type Kind, kinds, kubeTime, type Requeue, type Secret } from "../../kube/index.ts";
import { isEquivalent } from "../core/canonical-json.ts";
import type { Cluster } from "../core/cluster.ts";
import { findCondition, withMessage, withoutCondition } from "../core/conditions.ts";
import { splitKey } from "../core/keys.ts";
import {
  type Certificate,
  type CertificateStatus,
  certificates,
  clusterIssuers,
  type Issuer,
  issuers,
} from "./certificate-kinds.ts";
import { certificateOf, issuedSecret, secretMetadata } from "./issued-secret.ts";
import { type IssuingReason, judge, type Life } from "./issuing-reason.ts";
import { chooseKey, RotationRefused } from "./private-key.ts";
import { type IssuerState, issuerState, type Signer } from "./signer.ts";
import { readUsages } from "./usages.ts";
import { lifetimeOf } from "./validity.ts";

/** As cert-manager's controllers name themselves in events. */
const trigger = "cert-manager-certificates-trigger";
const keyManager = "cert-manager-certificates-key-manager";
const issuing = "cert-manager-certificates-issuing";

const upToDate = "Certificate is up to date and has not expired";

/** Issues the certificate of this key when there is a reason to, and otherwise comes back when it is to be renewed. */
export async function reconcileCertificate(
  cluster: Cluster,
  home: string,
  id: string,
): Promise<Requeue | undefined> {
  const { name, namespace } = splitKey(id);
  const certificate = cluster.store(certificates).get(name, namespace);
  if (certificate === undefined || certificate.metadata.deletionTimestamp !== undefined) return undefined;
  const now = cluster.clock.now();
  const secret = cluster.store(kinds.secrets).get(certificate.spec.secretName, namespace);
  const judgement = judge(certificate, secret, now);
  if (judgement.kind === "keep") {
    if (secret !== undefined) await keepMetadata(cluster, certificate, secret, judgement.present.certificate);
    await writeStatus(cluster, certificate, {
      ready: { isReady: true, reason: "Ready", message: upToDate },
      life: judgement.life,
    });
    return { requeueAfter: Math.max(0, judgement.life.renewal - now) };
  }
  const { why, present } = judgement;
  if (isTakenByAnother(cluster, certificate, secret)) {
    // Issuing would only make the other one issue again, and so on.
    await writeStatus(cluster, certificate, { ready: why });
    cluster.events.record(trigger, certificate, {
      type: "Warning",
      reason: why.reason,
      message: why.message,
    });
    return undefined;
  }
  const state = stateOfIssuer(cluster, home, certificate);
  if (state.signer === undefined) {
    const { reason = "", message = "" } = state.ready;
    await writeStatus(cluster, certificate, { ready: why, issuing: { reason, message } });
    cluster.events.record(issuing, certificate, { type: "Warning", reason, message });
    return undefined;
  }
  // Before the Secret is written, so that everybody can see what is going on and why.
  const announced = await writeStatus(cluster, certificate, { ready: why, issuing: why });
  cluster.events.record(trigger, certificate, { type: "Normal", reason: "Issuing", message: why.message });
  try {
    const key = await chooseKey(certificate.spec, present?.key);
    if (key !== present?.key)
      cluster.events.record(keyManager, certificate, {
        type: "Normal",
        reason: "Generated",
        message: "Generated a new private key",
      });
    const issued = await state.signer.sign(key, certificateOptions(certificate, state.signer, now));
    await writeSecret(cluster, certificate, secret, key, issued);
  } catch (reason) {
    if (!(reason instanceof RotationRefused)) throw reason;
    // Nothing but a change of the Certificate or its Secret helps, and both are watched.
    cluster.events.record(keyManager, certificate, {
      type: "Warning",
      reason: "CannotRegenerateKey",
      message: reason.message,
    });
    await writeStatus(cluster, announced, {
      ready: why,
      issuing: { reason: "CannotRegenerateKey", message: reason.message },
    });
    return undefined;
  }
  cluster.events.record(issuing, certificate, {
    type: "Normal",
    reason: "Issuing",
    message: "The certificate has been successfully issued",
  });
  const written = judge(
    certificate,
    cluster.store(kinds.secrets).get(certificate.spec.secretName, namespace),
    now,
  );
  if (written.kind !== "keep")
    throw new Error(`the certificate just issued is not as asked for: ${written.why.message}`);
  await writeStatus(cluster, announced, {
    ready: { isReady: true, reason: "Ready", message: upToDate },
    life: written.life,
    revision: (announced.status?.revision ?? 0) + 1,
  });
  return { requeueAfter: Math.max(0, written.life.renewal - cluster.clock.now()) };
}

/** Whether another Certificate that still wants the Secret has it. */
function isTakenByAnother(
  cluster: Cluster,
  { metadata, spec }: Certificate,
  secret: Secret | undefined,
): boolean {
  const owner = secret === undefined ? undefined : certificateOf(secret);
  if (owner === undefined || owner === metadata.name) return false;
  return cluster.store(certificates).get(owner, metadata.namespace)?.spec.secretName === spec.secretName;
}

function stateOfIssuer(cluster: Cluster, home: string, { spec, metadata }: Certificate): IssuerState {
  const { name, kind = "Issuer", group = "cert-manager.io" } = spec.issuerRef;
  const ofKind: Kind<Issuer> | undefined = { Issuer: issuers, ClusterIssuer: clusterIssuers }[kind];
  const waiting = (reason: string, message: string): IssuerState => ({
    ready: { status: "False", reason, message },
  });
  if (group !== "cert-manager.io" || ofKind === undefined)
    return waiting("IssuerNotFound", `Issuers of kind ${kind}.${group} are not run here`);
  const named = `${kind.toLowerCase()}.${group} ${JSON.stringify(name)}`;
  const issuer = cluster.store(ofKind).get(name, ofKind.namespaced ? metadata.namespace : undefined);
  if (issuer === undefined)
    return waiting("IssuerNotFound", `Referenced ${JSON.stringify(kind)} not found: ${named} not found`);
  const state = issuerState(cluster, home, issuer);
  return state.signer === undefined
    ? waiting("IssuerNotReady", `Waiting for ${named}: ${state.ready.message}`)
    : state;
}

/** Certificates begin a little before now: clocks differ. */
const backdate = 5000;

function certificateOptions({ spec }: Certificate, { isForServers = false }: Signer, now: number) {
  const { commonName, dnsNames = [], ipAddresses = [], uris = [], emailAddresses = [], subject, isCA } = spec;
  const usages = readUsages(spec.usages, isCA);
  const notBefore = Math.floor((now - backdate) / 1000) * 1000;
  return {
    subject: { ...subject, ...(commonName === undefined || commonName === "" ? {} : { commonName }) },
    dnsNames:
      isForServers && commonName && !dnsNames.includes(commonName) ? [commonName, ...dnsNames] : dnsNames,
    addresses: ipAddresses,
    uris,
    emails: emailAddresses,
    ...(isCA === true ? { ca: {} } : {}),
    keyUsages: usages.keyUsages,
    extendedKeyUsages:
      isForServers && usages.extendedKeyUsages.length === 0
        ? (["serverAuth"] as const)
        : usages.extendedKeyUsages,
    notBefore,
    notAfter: notBefore + lifetimeOf(spec),
  };
}

async function writeSecret(
  cluster: Cluster,
  certificate: Certificate,
  present: Secret | undefined,
  key: KeyObject,
  issued: { readonly chain: string; readonly root: string },
): Promise<void> {
  const { metadata, data } = issuedSecret(certificate, key, issued);
  if (present === undefined)
    await cluster.create(kinds.secrets, {
      apiVersion: "v1",
      kind: "Secret",
      type: "kubernetes.io/tls",
      metadata,
      ...(data === undefined ? {} : { data }),
    });
  else {
    const { labels, annotations } = metadata;
    await cluster.mergePatch(kinds.secrets, present, { metadata: { labels, annotations }, data });
  }
}

/** Brings labels and annotations up to date when only secretTemplate changed. */
async function keepMetadata(
  cluster: Cluster,
  certificate: Certificate,
  secret: Secret,
  issued: X509Certificate,
): Promise<void> {
  const { labels, annotations } = secretMetadata(certificate, issued);
  const merged = {
    labels: { ...secret.metadata.labels, ...labels },
    annotations: { ...secret.metadata.annotations, ...annotations },
  };
  const { labels: before, annotations: said } = secret.metadata;
  if (isEquivalent(merged, { labels: before, annotations: said })) return;
  await cluster.mergePatch(kinds.secrets, secret, { metadata: { labels, annotations } });
}

/** Writes the status where it says something new, and gives the Certificate that has it. */
async function writeStatus(
  cluster: Cluster,
  certificate: Certificate,
  said: {
    readonly ready: IssuingReason;
    /** Absent: nothing is being issued. */
    readonly issuing?: Pick<IssuingReason, "reason" | "message">;
    readonly life?: Life;
    readonly revision?: number;
  },
): Promise<Certificate> {
  const { ready, issuing: going, life, revision } = said;
  const isReady = ready.isReady === true;
  const condition = (
    type: string,
    status: Condition["status"],
    reason: string,
    message: string,
  ): Condition => ({
    type,
    status,
    reason,
    message,
    lastTransitionTime: cluster.timestamp(),
    observedGeneration: certificate.metadata.generation ?? 1,
  });
  const readyCondition = isReady
    ? condition("Ready", "True", "Ready", upToDate)
    : condition("Ready", "False", ready.reason, ready.message);
  const before = certificate.status?.conditions ?? [];
  const withReady = withMessage(before, readyCondition);
  const conditions =
    going === undefined
      ? findCondition(withReady, "Issuing") === undefined
        ? withReady
        : withoutCondition(withReady, "Issuing")
      : withMessage(withReady, condition("Issuing", "True", going.reason, going.message));
  const status: CertificateStatus = {
    ...certificate.status,
    conditions,
    ...(life === undefined
      ? {}
      : {
          notBefore: kubeTime(life.notBefore),
          notAfter: kubeTime(life.notAfter),
          renewalTime: kubeTime(life.renewal),
        }),
    ...(revision === undefined ? {} : { revision }),
  };
  if (isEquivalent(status, certificate.status ?? {})) return certificate;
  return cluster.replace(certificates, { ...certificate, status }, "status");
}
