import { IsthmusError, pause, systemClock } from "../../base/index.ts";
import { type CaFiles, caFilesOfTls, checkCaFiles } from "../../ca/index.ts";
import { type Condition, type KubeClient, type KubeObject, kinds, type Secret } from "../../kube/index.ts";
import { certificatesOf } from "../../pki/index.ts";
import type { WaitOptions } from "./apply-options.ts";
import type { Applying } from "./applying.ts";
import type { Others } from "./others.ts";

/** Milliseconds between two looks: issuing takes seconds. */
const every = 250;
const certManager = "cert-manager.io/v1";
const certificateName = "cert-manager.io/certificate-name";

/** What is expected of a Secret that cert-manager makes. */
export interface IssuedSecret {
  readonly certificate: string;
  readonly allowDifferentRoots: boolean;
}

/**
 * Waits until cert-manager has issued a cluster's CA into the Secret, and checks it. Rejects with trust/not-issued and what the
 * Certificate, its requests and the issuer say, when that does not come or another CA is in its place; with
 * trust/different-roots when it leads to another root than the CA of another cluster; with trust/… when it is no CA.
 */
export async function whenIssued(
  cluster: Applying,
  secret: KubeObject,
  expected: IssuedSecret,
  others: Others,
  options: WaitOptions,
): Promise<void> {
  const { client, name } = cluster;
  const { signal, addressTimeout, waiting } = options;
  const { name: secretName, namespace = "" } = secret.metadata;
  const until = systemClock.now() + addressTimeout;
  try {
    for (;;) {
      signal.throwIfAborted();
      const present = await client.get(kinds.secrets, secretName, namespace);
      const files = present === undefined ? undefined : issuedFiles(present, name, expected.certificate);
      if (files !== undefined) {
        checkCaFiles(files, `Secret ${namespace}/${secretName} of ${name}`, systemClock.now());
        if (!expected.allowDifferentRoots) await checkRoots(name, files, secret, others);
        return;
      }
      const why = await whyNotIssued(cluster, namespace, expected.certificate);
      if (why.isFinal || systemClock.now() > until)
        throw new IsthmusError(
          "trust/not-issued",
          `${name}: cert-manager has issued no CA into Secret ${namespace}/${secretName}${why.isFinal ? "" : ` after ${Math.round(addressTimeout / 1000)} s`}: ${why.text}`,
          { nextStep: why.fix },
        );
      waiting(name, `the CA from cert-manager (${why.text})`);
      await pause(systemClock, every, signal);
    }
  } finally {
    waiting(name, undefined);
  }
}

/** The CA in the Secret, when cert-manager has issued it; undefined: not yet. */
function issuedFiles(
  { metadata, data = {} }: Secret,
  cluster: string,
  certificate: string,
): CaFiles | undefined {
  const files = caFilesOfTls((name) => {
    const value = data[name];
    return value === undefined ? undefined : Buffer.from(value, "base64").toString("utf8");
  });
  const isIssued = metadata.annotations?.[certificateName] === certificate;
  if (isIssued || Object.keys(data).length === 0) return files;
  throw new IsthmusError(
    "trust/not-issued",
    `${cluster} has a CA in Secret ${metadata.namespace}/${metadata.name} already, which is not the issuer's`,
    {
      nextStep: `Workloads with certificates of another root would not believe each other. Where that may be: kubectl --context ${cluster} -n ${metadata.namespace} delete secret ${metadata.name}, then run this again and restart what runs.`,
    },
  );
}

/** Every other cluster whose CA is known must lead to a root that this one has, too. */
async function checkRoots(name: string, files: CaFiles, secret: KubeObject, others: Others): Promise<void> {
  const own = rootsIn(files["root-cert.pem"]);
  for (const other of others.applying.values()) {
    if (other.name === name) continue;
    const theirs = rootsIn(
      other.caFiles?.["root-cert.pem"] ?? (await rootOf(other.client, secret).catch(() => "")) ?? "",
    );
    // One that is not issued yet compares itself when it is.
    if (theirs.length === 0 || theirs.some((fingerprint) => own.includes(fingerprint))) continue;
    throw new IsthmusError(
      "trust/different-roots",
      `clusters ${name} and ${other.name} have different root certificates (fingerprints ${own.join(", ")} and ${theirs.join(", ")})`,
      {
        nextStep:
          "Let the issuers of all clusters lead to one root (trust.allowDifferentRoots: true shows what breaks without).",
      },
    );
  }
}

function rootsIn(pem: string): readonly string[] {
  return [...certificatesOf(pem).keys()];
}

async function rootOf(client: KubeClient, { metadata }: KubeObject): Promise<string | undefined> {
  const secret = await client.get(kinds.secrets, metadata.name, metadata.namespace);
  const root = secret?.data?.["ca.crt"];
  return root === undefined ? undefined : Buffer.from(root, "base64").toString("utf8");
}

interface Reason {
  readonly text: string;
  /** Waiting longer changes nothing. */
  readonly isFinal: boolean;
  readonly fix: string;
}

/** What cert-manager says, from the Certificate to its last request and to the issuer. */
async function whyNotIssued(
  { client, resources, name: cluster }: Applying,
  namespace: string,
  certificate: string,
): Promise<Reason> {
  const kind = await resources.find(certManager, "Certificate");
  if (kind === undefined)
    return {
      text: `it serves no kind Certificate (${certManager})`,
      isFinal: true,
      fix: "Install cert-manager there before, or list its chart and the issuer under trust.issuer.manifests; then run this again: it resumes.",
    };
  const fix = `kubectl --context ${cluster} -n ${namespace} describe certificate,certificaterequest,issuer says more. When it is mended, run this again: it resumes.`;
  const present = await client.get(kind, certificate, namespace);
  if (present === undefined) return { text: "its Certificate is not there yet", isFinal: false, fix };
  const reasons = [
    conditionOf(present, "Issuing"),
    conditionOf(present, "Ready"),
    await issuerReason(present),
  ];
  const said = reasons.filter((one) => one !== undefined);
  return {
    text: said.length === 0 ? "its controller has not looked at the Certificate yet" : said.join("; "),
    isFinal: false,
    fix,
  };

  async function issuerReason(object: KubeObject): Promise<string | undefined> {
    const { issuerRef } = object["spec"] as {
      readonly issuerRef: { readonly name: string; readonly kind: string };
    };
    const issuerKind = await resources.find(certManager, issuerRef.kind);
    if (issuerKind === undefined) return undefined;
    const issuer = await client.get(
      issuerKind,
      issuerRef.name,
      issuerKind.namespaced ? namespace : undefined,
    );
    const called = `${issuerRef.kind} ${issuerRef.name}`;
    if (issuer === undefined) return `there is no ${called}`;
    const ready = conditionsOf(issuer).find(({ type }) => type === "Ready");
    return ready?.status === "True"
      ? undefined
      : `${called} is not ready: ${ready?.message ?? "not looked at yet"}`;
  }
}

function conditionOf(object: KubeObject, type: string): string | undefined {
  const found = conditionsOf(object).find((one) => one.type === type);
  return found?.message === undefined || found.message === "" ? undefined : found.message;
}

function conditionsOf(object: KubeObject): readonly Condition[] {
  return (object["status"] as { readonly conditions?: readonly Condition[] } | undefined)?.conditions ?? [];
}
