import { readRotation, rootAbove } from "../ca/index.ts";
import { certificateInfo, certificatesOf, splitPem } from "../pki/index.ts";
import type { RunningMesh } from "./start-mesh.ts";
import type { AuthorityStatus, TrustStatus } from "./status.ts";

/** Who signs for whom, and who is believed: as the Secrets cacerts hold it. */
export function trustStatus({ mesh, trust, rotation }: RunningMesh): TrustStatus {
  const underWay = readRotation(rotation);
  const domains = new Map([...mesh.clusters.values()].map((one) => [one.name as string, one.trust.domain]));
  return {
    clusters: [...trust.files].map(([cluster, files]) => {
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

function authorityStatus(pem: string): AuthorityStatus {
  const { fingerprint, subject, notBefore, notAfter } = certificateInfo(pem);
  return {
    fingerprint,
    subject: subject.replaceAll("\n", ", "),
    notBefore: new Date(notBefore).toISOString(),
    notAfter: new Date(notAfter).toISOString(),
  };
}
