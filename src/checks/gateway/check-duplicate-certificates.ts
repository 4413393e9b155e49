import type { Gateway, ServerTls } from "../../discovery/index.ts";
import type { ClusterView, Find, Finding } from "../contracts.ts";
import { findingAbout } from "../finding-about.ts";
import { namesOf, reference } from "../object-reference.ts";
import { listed } from "../text.ts";
import { meet } from "./same-pods.ts";

/** One certificate in several Gateways of the same pods: HTTP/2 clients reuse a connection for hosts that are on another. */
export const checkDuplicateCertificates: Find = ({ clusters }) =>
  clusters.filter(({ name, primary }) => name === primary).flatMap(checkOne);

function checkOne(cluster: ClusterView): Finding[] {
  return cluster.gateways.flatMap((gateway, index) =>
    (gateway.spec.servers ?? []).flatMap(({ tls }, i): Finding[] => {
      const certificate = certificateOf(tls);
      if (certificate === undefined) return [];
      const others = cluster.gateways
        .slice(index + 1)
        .filter((other) => meet(gateway, other) && certificatesOf(other).includes(certificate));
      if (others.length === 0) return [];
      const names = namesOf([gateway, ...others]);
      return [
        findingAbout(cluster, gateway, `spec.servers[${i}].tls`, {
          code: "gateway/same-certificate",
          severity: "warning",
          effect: `clients that speak HTTP/2 may be answered with 404: they reuse one connection for hosts of ${listed(names)}`,
          cause: `${listed(names)} of ${cluster.name} have the same certificate, ${certificate}`,
          seen: certificate,
          others: others.map((other) => reference(cluster, other)),
          fix: "put the hosts of one certificate into one Gateway",
        }),
      ];
    }),
  );
}

function certificatesOf({ spec }: Gateway): readonly (string | undefined)[] {
  return (spec.servers ?? []).map(({ tls }) => certificateOf(tls));
}

/** What names the certificate of a server: its Secret, or its file. */
function certificateOf(tls: ServerTls | undefined): string | undefined {
  const { credentialName = "", serverCertificate = "", privateKey = "" } = tls ?? {};
  if (credentialName !== "") return credentialName;
  return serverCertificate === "" || privateKey === "" ? undefined : serverCertificate;
}
