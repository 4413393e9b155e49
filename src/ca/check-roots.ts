import { IsthmusError } from "../base/index.ts";
import { certificateInfo } from "../pki/index.ts";
import type { CaFiles } from "./ca-files.ts";

/**
 * Throws trust/different-roots when two clusters of the mesh would not trust each other's certificates.
 * Nothing is wrong when the clusters' root files have a certificate in common (rotation).
 */
export function checkSameRoot(clusters: ReadonlyMap<string, CaFiles>): void {
  const [first, ...others] = clusters;
  if (first === undefined) return;
  const [firstName, firstFiles] = first;
  for (const [name, files] of others) {
    const [mine, theirs] = [fingerprints(firstFiles), fingerprints(files)];
    if (theirs.some((fingerprint) => mine.includes(fingerprint))) continue;
    throw new IsthmusError(
      "trust/different-roots",
      `clusters ${firstName} and ${name} have different root certificates (fingerprints ${mine.join(", ")} and ${theirs.join(", ")})`,
      {
        nextStep:
          "Give both an intermediate of one root (isthmus trust create DIR), or set trust.allowDifferentRoots: true to see what breaks.",
      },
    );
  }
}

/** SHA-256 fingerprints of the certificates in root-cert.pem. */
function fingerprints(files: CaFiles): string[] {
  const blocks =
    files["root-cert.pem"].match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  return blocks.map((block) => certificateInfo(block).fingerprint);
}
