import type { DestinationRule } from "../../discovery/index.ts";
import type { ClusterView, Find, Finding } from "../contracts.ts";
import { findingAbout } from "../finding-about.ts";
import { named } from "../object-reference.ts";

type Tls = NonNullable<NonNullable<DestinationRule["spec"]["trafficPolicy"]>["tls"]>;

/** TLS to servers whose certificate nobody checks: modes SIMPLE and MUTUAL without a CA. */
export const checkCertificates: Find = ({ clusters }) =>
  clusters
    .filter(({ name, primary }) => name === primary)
    .flatMap((cluster) => cluster.destinationRules.flatMap((rule) => checkOne(rule, cluster)));

function checkOne(rule: DestinationRule, cluster: ClusterView): Finding[] {
  const { host, trafficPolicy = {}, workloadSelector } = rule.spec;
  const isUnchecked = (tls: Tls | undefined) =>
    (tls?.mode === "SIMPLE" || tls?.mode === "MUTUAL") &&
    (tls.caCertificates ?? "") === "" &&
    ((tls.credentialName ?? "") === "" || workloadSelector === undefined);
  const finding = (tls: Tls | undefined, code: Finding["code"], place: string, where: string) =>
    findingAbout(cluster, rule, `${place}.tls`, {
      code,
      severity: "warning",
      effect: `whoever answers for ${host}${where} is believed: its certificate is not checked`,
      cause: `${named(rule)} of ${cluster.name} has TLS mode ${tls?.mode} without caCertificates`,
      seen: `mode ${tls?.mode}, no caCertificates`,
      fix: "set caCertificates (the system's: /etc/ssl/certs/ca-certificates.crt) and subjectAltNames",
    });
  return [
    ...(isUnchecked(trafficPolicy.tls)
      ? [finding(trafficPolicy.tls, "destination-rule/server-not-verified", "spec.trafficPolicy", "")]
      : []),
    ...(trafficPolicy.portLevelSettings ?? []).flatMap(({ tls, port }, i) =>
      isUnchecked(tls)
        ? finding(
            tls,
            "destination-rule/port-not-verified",
            `spec.trafficPolicy.portLevelSettings[${i}]`,
            `:${port?.number}`,
          )
        : [],
    ),
  ];
}
