import { existsSync, mkdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { IsthmusError } from "../base/index.ts";
import { certificateInfo, isSignedBy, keyMatches, splitPem } from "../pki/index.ts";
import { caPlace } from "./ca-place.ts";
import { writeWhole } from "./write-whole.ts";

/** The names under which Istio expects a plugged-in CA, in a folder and as keys of the Secret cacerts. */
export const caFileNames = ["ca-cert.pem", "ca-key.pem", "root-cert.pem", "cert-chain.pem"] as const;

/** A cluster's signing CA in Istio's four-file form; all PEM. */
export interface CaFiles {
  readonly "ca-cert.pem": string;
  readonly "ca-key.pem": string;
  readonly "root-cert.pem": string;
  readonly "cert-chain.pem": string;
}

/**
 * Reads the CA of `cluster` from `folder`: the sub-folder named like the cluster when there is one, else the
 * folder itself. Checks it whole: trust/missing-file, trust/unreadable, trust/key-mismatch, trust/expired,
 * trust/not-signed-by-root. Never puts key material into an error.
 */
export function readCaFiles(folder: string, cluster: string, now: number): CaFiles {
  const { place } = caPlace(folder, cluster);
  const missing = caFileNames.filter((name) => !existsSync(path.join(place, name)));
  if (missing.length > 0) {
    throw new IsthmusError(
      "trust/missing-file",
      `the CA folder ${place} of cluster ${cluster} lacks ${missing.join(", ")}`,
      {
        nextStep: `Put Istio's four files there (${caFileNames.join(", ")}), or remove the folder and run isthmus trust create.`,
      },
    );
  }
  const files = loadCaFiles(place);
  checkCaFiles(files, `${place} (cluster ${cluster})`, now);
  return files;
}

/** The four files of a folder that has them, unchecked. */
export function loadCaFiles(place: string): CaFiles {
  const read = (name: string) => readFileSync(path.join(place, name), "utf8");
  return {
    "ca-cert.pem": read("ca-cert.pem"),
    "ca-key.pem": read("ca-key.pem"),
    "root-cert.pem": read("root-cert.pem"),
    "cert-chain.pem": read("cert-chain.pem"),
  };
}

/** Writes the four files, each whole, the key readable by the owner only. Makes the folder. Where ca-cert.pem is, all are. */
export function writeCaFiles(folder: string, files: CaFiles): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  for (const name of caFileNames.toReversed())
    writeWhole(path.join(folder, name), files[name], name === "ca-key.pem" ? 0o600 : 0o644);
}

/** Throws what is wrong with the files; `place` names them in messages. `now` in milliseconds. */
export function checkCaFiles(files: CaFiles, place: string, now: number): void {
  const certificates = splitPem(files["root-cert.pem"]);
  const [root] = certificates;
  const info = readable(() => certificateInfo(files["ca-cert.pem"]), place, "ca-cert.pem");
  if (root === undefined) throw unreadable(place, "root-cert.pem");
  if (!readable(() => keyMatches(files["ca-cert.pem"], files["ca-key.pem"]), place, "ca-key.pem")) {
    throw new IsthmusError("trust/key-mismatch", `in ${place}, ca-key.pem is not the key of ca-cert.pem`, {
      nextStep: "Put the key and the certificate that belong together there.",
    });
  }
  if (!info.isCa) {
    throw new IsthmusError(
      "trust/unreadable",
      `in ${place}, ca-cert.pem is not a CA certificate (basicConstraints CA:FALSE)`,
      {
        nextStep: "Use a certificate that may sign others.",
      },
    );
  }
  for (const [name, pem] of [
    ["ca-cert.pem", files["ca-cert.pem"]],
    ["root-cert.pem", root],
  ] as const) {
    const { notAfter, notBefore } = readable(() => certificateInfo(pem), place, name);
    if (now > notAfter) {
      throw new IsthmusError(
        "trust/expired",
        `in ${place}, ${name} expired on ${new Date(notAfter).toISOString()}`,
        {
          nextStep: "Renew it: isthmus trust create DIR makes a new root and intermediates.",
        },
      );
    }
    if (now < notBefore) {
      throw new IsthmusError(
        "trust/expired",
        `in ${place}, ${name} is valid only from ${new Date(notBefore).toISOString()}`,
        {
          nextStep: "Check this machine's clock.",
        },
      );
    }
  }
  if (!chainsUp(files["ca-cert.pem"], splitPem(files["cert-chain.pem"]), certificates)) {
    throw new IsthmusError(
      "trust/not-signed-by-root",
      `in ${place}, no chain leads from ca-cert.pem to root-cert.pem`,
      {
        nextStep: "cert-chain.pem must hold ca-cert.pem and every intermediate up to the root.",
      },
    );
  }
}

function chainsUp(certificate: string, chain: readonly string[], roots: readonly string[]): boolean {
  let current = certificate;
  for (let step = 0; step <= chain.length + 1; step++) {
    if (roots.some((root) => isSignedBy(current, root))) return true;
    const next = chain.find(
      (candidate) => candidate.trim() !== current.trim() && isSignedBy(current, candidate),
    );
    if (next === undefined) return false;
    current = next;
  }
  return false;
}

function readable<T>(read: () => T, place: string, name: string): T {
  try {
    return read();
  } catch {
    // The cause may quote the file; a key must not reach a log that way.
    throw unreadable(place, name);
  }
}

function unreadable(place: string, name: string): IsthmusError {
  return new IsthmusError("trust/unreadable", `in ${place}, ${name} is not valid PEM`, {
    nextStep: `Check that ${name} is a PEM file as openssl writes it.`,
  });
}
