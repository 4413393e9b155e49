import { IsthmusError } from "../base/index.ts";
import { certificatesOf } from "../pki/index.ts";
import type { CaFiles } from "./ca-files.ts";

/**
 * Throws trust/different-roots when two clusters of the mesh would not trust each other's certificates.
 * Nothing is wrong when the clusters' root files have a certificate in common (rotation). `domainOf` gives a cluster's
 * trust domain, which is told where the two differ in that as well.
 */
export function checkSameRoot(
  clusters: ReadonlyMap<string, CaFiles>,
  domainOf: (cluster: string) => string = () => "",
): void {
  const [first, ...others] = clusters;
  if (first === undefined) return;
  const [firstName, firstFiles] = first;
  for (const [name, files] of others) {
    const [mine, theirs] = [firstFiles, files].map((one) => [...certificatesOf(one["root-cert.pem"]).keys()]);
    if (mine === undefined || theirs === undefined) continue;
    const haveDomains = domainOf(firstName) !== domainOf(name);
    const called = (cluster: string) =>
      haveDomains ? `${cluster} (trust domain ${domainOf(cluster)})` : cluster;
    if (theirs.some((fingerprint) => mine.includes(fingerprint))) continue;
    throw new IsthmusError(
      "trust/different-roots",
      `clusters ${called(firstName)} and ${called(name)} have different root certificates (fingerprints ${mine.join(", ")} and ${theirs.join(", ")})`,
      {
        nextStep:
          "Give both an intermediate of one root (isthmus trust create DIR), or set trust.exchangeRoots: true so that all believe each other's roots (trust.allowDifferentRoots: true shows what breaks without).",
      },
    );
  }
}
