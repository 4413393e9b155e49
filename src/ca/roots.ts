import { certificatesOf, isSignedBy, splitPem } from "../pki/index.ts";

/** All certificates of several bundles as one, in order, each once. PEM. */
export function mergeRoots(bundles: readonly string[]): string {
  return [...certificatesOf(bundles.join("\n")).values()].join("");
}

/** Whether one of two bundles holds every certificate of the other. */
export function overlaps(one: string, other: string): boolean {
  const [ones, others] = [certificatesOf(one), certificatesOf(other)];
  const holds = (all: ReadonlyMap<string, string>, part: ReadonlyMap<string, string>) =>
    [...part.keys()].every((fingerprint) => all.has(fingerprint));
  return holds(ones, others) || holds(others, ones);
}

/** The root of `bundle` that `chain` (a CA certificate and those above it) leads to; undefined when none does. */
export function rootAbove(chain: string, bundle: string): string | undefined {
  const certificates = splitPem(chain);
  return splitPem(bundle).find((root) => certificates.some((certificate) => isSignedBy(certificate, root)));
}
