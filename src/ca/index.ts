/**
 * ca: who signs for whom. One root for the mesh, one intermediate per cluster, workload certificates.
 *
 * createTrust writes a root and intermediates in Istio's four-file form, readCaFiles reads and checks such a
 * folder, checkSameRoot compares clusters, createAuthority signs for one cluster, beginRotation and endStep replace
 * roots and intermediates step by step.
 *
 * Private keys never leave it except into the files that a user asked for. Does not talk to proxies or clusters.
 */
export { type CertificateAuthority, createAuthority } from "./authority.ts";
export { type CaFiles, caFileNames, checkCaFiles, readCaFiles, writeCaFiles } from "./ca-files.ts";
export { type CaPlace, caPlace } from "./ca-place.ts";
export { checkSameRoot } from "./check-roots.ts";
export { createIntermediate, createRoot, createTrust, type Root, rootLifetime } from "./create-trust.ts";
export { warnOfPublishedKeys } from "./published-keys.ts";
export { mergeRoots, overlaps, rootAbove } from "./roots.ts";
export {
  beginRotation,
  endStep,
  type RotatedPlace,
  type Rotation,
  type RotationKind,
  type RotationStep,
  readRotation,
  writeRotationFiles,
} from "./rotation.ts";
export { caFilesOfTls } from "./tls-secret.ts";
