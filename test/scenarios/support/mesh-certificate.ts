import path from "node:path";
import { systemClock } from "../../../src/base/index.ts";
import { createAuthority, createTrust, readCaFiles } from "../../../src/ca/index.ts";
import { createCsr, generateKey } from "../../../src/pki/index.ts";

/** A key and a certificate for `identity`, signed with the CA files of a cluster (`folder` as in the mesh file's trust.cacerts). */
export function certificateOf(
  folder: string,
  cluster: string,
  identity: string,
): { readonly key: string; readonly cert: string } {
  const authority = createAuthority(readCaFiles(folder, cluster, systemClock.now()), systemClock);
  const key = generateKey();
  const [leaf = "", ...chain] = authority.sign(createCsr(key, { uris: [identity] }), [identity], 3600);
  return { key: key.privateKeyPem, cert: [leaf, ...chain].join("") };
}

/** The same under a root that nobody trusts, made in `folder`. */
export function foreignCertificate(
  folder: string,
  identity: string,
): { readonly key: string; readonly cert: string } {
  const place = path.join(folder, "foreign");
  createTrust(place, { mesh: "foreign", clusters: [], now: systemClock.now() });
  return certificateOf(place, "foreign", identity);
}
