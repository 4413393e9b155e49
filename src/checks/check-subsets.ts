import type { KubeObject } from "../kube/index.ts";
import type { Check, ClusterView, Finding } from "./contracts.ts";
import { coversHost, fullHost } from "./hosts.ts";
import { kubectl, listed } from "./text.ts";
import { destinationsOf, routesOf } from "./virtual-service.ts";

interface DestinationRuleSpec {
  readonly host?: string;
  readonly subsets?: readonly { readonly name?: string }[];
}

/** Subsets that a VirtualService sends requests to and no DestinationRule has: what istioctl analyze calls IST0101. */
export const checkSubsets: Check = ({ clusters }) =>
  clusters
    .filter(({ name, primary }) => name === primary)
    .flatMap((cluster) => cluster.virtualServices.flatMap((object) => checkOne(object, cluster)));

function checkOne(object: KubeObject, cluster: ClusterView): Finding[] {
  const { name, namespace = "default" } = object.metadata;
  return routesOf(object).flatMap(({ place, route }) =>
    destinationsOf(route).flatMap(({ host = "", subset, weight }): Finding[] => {
      if (subset === undefined || subset === "") return [];
      const full = fullHost(host, namespace);
      const rules = cluster.destinationRules.filter((rule) => coversHost(hostOf(rule), full));
      const known = rules.flatMap((rule) => (specOf(rule).subsets ?? []).flatMap((one) => one.name ?? []));
      if (known.includes(subset)) return [];
      const share =
        weight === undefined || (route.route ?? []).length < 2
          ? "requests"
          : `requests in proportion to weight ${weight}`;
      return [
        {
          code: "traffic/unknown-subset",
          severity: "error",
          effect: `${share} to ${host} are answered with 503: no proxy knows where subset ${subset} is`,
          cause: `${place} of VirtualService ${namespace}/${name} in ${cluster.name} names subset ${subset}, which no DestinationRule for ${full} has (IST0101)`,
          evidence: [
            kubectl(
              cluster.name,
              "get destinationrules -A",
              rules.length === 0
                ? `none for ${full}`
                : `${listed(rules.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`))} with subsets ${listed(known)}`,
            ),
          ],
          fix: `add the subset ${subset} to a DestinationRule for ${full}, or correct the name in the VirtualService`,
        },
      ];
    }),
  );
}

function specOf(rule: KubeObject): DestinationRuleSpec {
  return (rule["spec"] ?? {}) as DestinationRuleSpec;
}

function hostOf(rule: KubeObject): string {
  return fullHost(specOf(rule).host ?? "", rule.metadata.namespace ?? "default");
}
