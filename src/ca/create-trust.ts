import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import path from "node:path";
import { IsthmusError } from "../base/index.ts";
import {
  generateKey,
  type Issuer,
  issueCertificate,
  keyMatches,
  readIssuer,
  splitPem,
} from "../pki/index.ts";
import { type CaFiles, writeCaFiles } from "./ca-files.ts";
import { writeWhole } from "./write-whole.ts";

const year = 365 * 24 * 3600 * 1000;

/** Life of a generated root and of the intermediates below it, in milliseconds. */
export const rootLifetime = 10 * year;
const intermediateLifetime = 2 * year;
/** Clocks of clusters differ a little: what is made now is valid since a minute. */
const backdate = 60_000;

/** A root that can sign intermediates. */
export interface Root {
  readonly certificatePem: string;
  readonly issuer: Issuer;
  readonly privateKeyPem: string;
}

/** A new self-signed root for the mesh called `mesh`. `now` in milliseconds. */
export function createRoot(mesh: string, now: number): Root {
  const key = generateKey();
  const certificatePem = issueCertificate(
    {
      publicKey: key.publicKey,
      subject: { commonName: `${mesh} root`, organizations: ["isthmus"] },
      ca: {},
      notBefore: now - backdate,
      notAfter: now + rootLifetime,
    },
    { selfKey: key.privateKey },
  );
  const privateKeyPem = key.privateKeyPem;
  return { certificatePem, privateKeyPem, issuer: readIssuer(certificatePem, privateKeyPem) };
}

/** A new intermediate of `root`, in Istio's four-file form; `name` tells whose it is. */
export function createIntermediate(root: Root, name: string, now: number): CaFiles {
  const key = generateKey();
  const certificatePem = issueCertificate(
    {
      publicKey: key.publicKey,
      subject: { commonName: `${name} intermediate`, organizations: ["isthmus"] },
      ca: { pathLength: 0 },
      notBefore: now - backdate,
      notAfter: now + intermediateLifetime,
    },
    root.issuer,
  );
  return {
    "ca-cert.pem": certificatePem,
    "ca-key.pem": key.privateKeyPem,
    "root-cert.pem": root.certificatePem,
    "cert-chain.pem": certificatePem + root.certificatePem,
  };
}

/**
 * Writes a root and its intermediates to `folder`: the four files in the folder itself, or one sub-folder per
 * cluster when clusters are named. The root's key stays beside them as root-key.pem (owner only), so that
 * clusters can be added later under the same root: an existing root is used, existing intermediates are kept.
 * A folder that is new is there whole or not at all. trust/exists when the folder already holds a CA and nothing is left to make.
 */
export function createTrust(
  folder: string,
  options: { readonly mesh: string; readonly clusters: readonly string[]; readonly now: number },
): readonly string[] {
  const places =
    options.clusters.length === 0 ? [folder] : options.clusters.map((cluster) => path.join(folder, cluster));
  const open = places.filter((place) => !existsSync(path.join(place, "ca-cert.pem")));
  if (open.length === 0) {
    throw new IsthmusError(
      "trust/exists",
      `${folder} already holds a CA for ${options.clusters.join(", ") || "the mesh"}`,
      {
        nextStep: "Name another folder, or remove this one first; keys are never overwritten.",
      },
    );
  }
  const root = rootIn(folder) ?? createRoot(options.mesh, options.now);
  fillWhole(folder, (target) => {
    writeWhole(path.join(target, "root-key.pem"), root.privateKeyPem, 0o600);
    writeWhole(path.join(target, "root-cert.pem"), root.certificatePem, 0o644);
    for (const place of open) {
      const name = place === folder ? options.mesh : path.basename(place);
      writeCaFiles(
        path.join(target, path.relative(folder, place)),
        createIntermediate(root, name, options.now),
      );
    }
  });
  return open;
}

/** A folder that is not there yet is filled beside its place first: half of it would be taken for a user's. */
function fillWhole(folder: string, fill: (target: string) => void): void {
  const isNew = !existsSync(folder);
  const target = isNew ? `${folder}.new` : folder;
  if (isNew) rmSync(target, { recursive: true, force: true });
  mkdirSync(target, { recursive: true, mode: 0o700 });
  fill(target);
  if (isNew) renameSync(target, folder);
}

/** The root of `folder` with its key, out of all that its root-cert.pem holds; undefined when either is not there. */
export function readSigningRoot(folder: string): Root | undefined {
  const [certificates, key] = ["root-cert.pem", "root-key.pem"].map((name) => path.join(folder, name));
  if (certificates === undefined || key === undefined || !existsSync(certificates) || !existsSync(key))
    return undefined;
  const privateKeyPem = readFileSync(key, "utf8");
  const certificatePem = splitPem(readFileSync(certificates, "utf8")).find((pem) =>
    keyMatches(pem, privateKeyPem),
  );
  if (certificatePem === undefined) return undefined;
  return { certificatePem, privateKeyPem, issuer: readIssuer(certificatePem, privateKeyPem) };
}

function rootIn(folder: string): Root | undefined {
  const root = readSigningRoot(folder);
  if (root === undefined && existsSync(path.join(folder, "root-cert.pem")))
    throw new IsthmusError("trust/exists", `${folder} holds a root certificate whose key is elsewhere`, {
      nextStep: "Sign the intermediates with that root, or name another folder.",
    });
  return root;
}
