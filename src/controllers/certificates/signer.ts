import { createPublicKey, type KeyObject } from "node:crypto";
import { type Condition, kinds, type Secret } from "../../kube/index.ts";
import {
  certificateInfo,
  type IssueOptions,
  isSignedBy,
  issueCertificate,
  keyMatches,
  readIssuer,
  splitPem,
} from "../../pki/index.ts";
import type { Cluster } from "../core/cluster.ts";
import type { Issuer } from "./certificate-kinds.ts";
import { localAuthority, localAuthoritySecret } from "./local-authority.ts";

/** What an issuer makes of a key and what its certificate is to say. */
export interface Signer {
  /** Marks certificates for servers, as public authorities do, whatever is asked. */
  readonly isForServers?: boolean;
  /** `chain`: leaf first, without the root; both PEM. */
  sign(
    key: KeyObject,
    options: Omit<IssueOptions, "publicKey">,
  ): Promise<{ readonly chain: string; readonly root: string }>;
}

/** An issuer as its status says, and, when it is ready, what it signs with. */
export interface IssuerState {
  readonly ready: Pick<Condition, "status" | "reason" | "message">;
  readonly signer?: Signer;
}

/**
 * What an issuer can do now. A ClusterIssuer's Secret is in `home`, the controller's own namespace. ACME servers are never
 * contacted: the local authority issues in their place, and the status says so.
 */
export function issuerState(cluster: Cluster, home: string, issuer: Issuer): IssuerState {
  const { selfSigned, ca, acme, vault, venafi } = issuer.spec;
  const namespace = issuer.metadata.namespace ?? home;
  if (ca !== undefined)
    return keyPairState(cluster.store(kinds.secrets).get(ca.secretName, namespace), ca.secretName);
  if (selfSigned !== undefined) return { ready: ready("IsReady", ""), signer: selfSigner };
  if (acme !== undefined) {
    const message = `Not contacted here: in place of ${acme.server ?? "the ACME server"} the authority in Secret ${home}/${localAuthoritySecret} issues certificates, without challenges`;
    return { ready: ready("IssuedLocally", message), signer: localSigner(cluster, home) };
  }
  const kind = vault !== undefined ? "vault" : venafi !== undefined ? "venafi" : "no kind that is known";
  return notReady("NotSupported", `Issuers of ${kind} are not run here: use selfSigned, ca or acme`);
}

function ready(reason: string, message: string): IssuerState["ready"] {
  return { status: "True", reason, message };
}

function notReady(reason: string, message: string): IssuerState {
  return { ready: { status: "False", reason, message } };
}

const selfSigner: Signer = {
  async sign(key, options) {
    const certificate = issueCertificate({ ...options, publicKey: createPublicKey(key) }, { selfKey: key });
    return { chain: certificate, root: certificate };
  },
};

function localSigner(cluster: Cluster, home: string): Signer {
  return {
    isForServers: true,
    async sign(key, options) {
      const authority = await localAuthority(cluster, home);
      const chain = issueCertificate({ ...options, publicKey: createPublicKey(key) }, authority);
      return { chain, root: authority.certificatePem };
    },
  };
}

/** A CA of the user's: tls.crt, with the chain to its root if it has one, and tls.key. */
function keyPairState(secret: Secret | undefined, name: string): IssuerState {
  if (secret === undefined)
    return notReady(
      "ErrGetKeyPair",
      `Error getting keypair for CA issuer: secrets ${JSON.stringify(name)} not found`,
    );
  const text = (field: string) => Buffer.from(secret.data?.[field] ?? "", "base64").toString("utf8");
  const [certificates, key] = [splitPem(text("tls.crt")), text("tls.key")];
  const [own] = certificates;
  try {
    if (own === undefined || !keyMatches(own, key))
      return notReady(
        "ErrInvalidKeyPair",
        "Error getting keypair for CA issuer: certificate and key do not match",
      );
    if (!certificateInfo(own).isCa)
      return notReady("ErrInvalidKeyPair", "Error getting keypair for CA issuer: certificate is not a CA");
    const issuer = readIssuer(own, key);
    const root = certificates.find((one) => isSignedBy(one, one)) ?? (text("ca.crt") || own);
    const between = certificates.filter((one) => !isSignedBy(one, one));
    return {
      ready: ready("KeyPairVerified", "Signing CA verified"),
      signer: {
        async sign(leafKey, options) {
          const leaf = issueCertificate({ ...options, publicKey: createPublicKey(leafKey) }, issuer);
          return { chain: [leaf, ...between].join(""), root };
        },
      },
    };
  } catch {
    // What the parser says may quote what it was given.
    return notReady(
      "ErrInvalidKeyPair",
      "Error getting keypair for CA issuer: tls.crt or tls.key is not PEM",
    );
  }
}
