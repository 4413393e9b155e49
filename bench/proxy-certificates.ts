/** Writes a root and two workload certificates into a folder, for the proxy bench. */
import { writeFileSync } from "node:fs";
import path from "node:path";
import { generateKey, issueCertificate, readIssuer } from "../src/pki/index.ts";

const folder = process.argv[2] ?? ".";
const times = { notBefore: Date.now() - 3_600_000, notAfter: Date.now() + 86_400_000 };
const rootKey = generateKey();
const rootPem = issueCertificate(
  { publicKey: rootKey.publicKey, subject: { commonName: "bench root" }, ca: {}, ...times },
  { selfKey: rootKey.privateKey },
);
const issuer = readIssuer(rootPem, rootKey.privateKeyPem);
writeFileSync(path.join(folder, "root.pem"), rootPem);
for (const name of ["sleep", "helloworld"]) {
  const key = generateKey();
  const uris = [`spiffe://cluster.local/ns/sample/sa/${name}`];
  writeFileSync(
    path.join(folder, `${name}.pem`),
    issueCertificate({ publicKey: key.publicKey, uris, ...times }, issuer),
  );
  writeFileSync(path.join(folder, `${name}.key`), key.privateKeyPem, { mode: 0o600 });
}
