import { type CaFiles, caFilesOfTls, readRotation, rootAbove } from "../ca/index.ts";
import { kinds, systemNamespace } from "../kube/index.ts";
import { certificateInfo, certificatesOf, splitPem } from "../pki/index.ts";
import type { RunningMesh } from "./start-mesh.ts";
import type { AuthorityStatus, TrustStatus } from "./status.ts";

/** Who signs for whom, and who is believed: as the Secrets cacerts hold it. */
export async function trustStatus(running: RunningMesh): Promise<TrustStatus> {
  const { mesh, trust, rotation } = running;
  const underWay = readRotation(rotation);
  const issued = await issuedCas(running);
  const domains = new Map([...mesh.clusters.values()].map((one) => [one.name as string, one.trust.domain]));
  return {
    clusters: [...trust.files, ...issued].map(([cluster, files]) => {
      const [own = files["ca-cert.pem"]] = splitPem(files["ca-cert.pem"]);
      const chain = own + files["cert-chain.pem"];
      const root = rootAbove(chain, files["root-cert.pem"]) ?? files["root-cert.pem"];
      return {
        cluster,
        trustDomain: domains.get(cluster) ?? "",
        intermediate: authorityStatus(own),
        root: authorityStatus(root),
        believed: [...certificatesOf(files["root-cert.pem"]).values()].map(authorityStatus),
      };
    }),
    ...(underWay === undefined
      ? {}
      : {
          rotation: {
            kind: underWay.kind,
            startedAt: underWay.startedAt,
            step: underWay.step,
            steps: underWay.steps,
          },
        }),
  };
}

/** What cert-manager issued, in the clusters that run now. */
async function issuedCas({ clusters }: RunningMesh): Promise<readonly (readonly [string, CaFiles])[]> {
  const read = [...clusters.values()].map(async ({ cluster, client }) => {
    if (cluster.trust.issuer === undefined || cluster.primary !== cluster.name) return [];
    const secret = await client.get(kinds.secrets, "cacerts", systemNamespace).catch(() => undefined);
    const files = caFilesOfTls((name) => {
      const value = secret?.data?.[name];
      return value === undefined ? undefined : Buffer.from(value, "base64").toString("utf8");
    });
    return files === undefined ? [] : [[cluster.name as string, files] as const];
  });
  return (await Promise.all(read)).flat();
}

function authorityStatus(pem: string): AuthorityStatus {
  const { fingerprint, subject, notBefore, notAfter } = certificateInfo(pem);
  return {
    fingerprint,
    subject: subject.replaceAll("\n", ", "),
    notBefore: new Date(notBefore).toISOString(),
    notAfter: new Date(notAfter).toISOString(),
  };
}
