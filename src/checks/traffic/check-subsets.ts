import type { DestinationRule, VirtualService } from "../../discovery/index.ts";
import type { ClusterView, Find, Finding } from "../contracts.ts";
import { coversHost, fullHost } from "../hosts.ts";
import { reference } from "../object-reference.ts";
import { kubectl, listed } from "../text.ts";
import { destinationsOf, routesOf } from "./virtual-service.ts";

/** Subsets that a VirtualService sends requests to and no DestinationRule has: what istioctl analyze calls IST0101. */
export const checkSubsets: Find = ({ clusters }) =>
  clusters
    .filter(({ name, primary }) => name === primary)
    .flatMap((cluster) => cluster.virtualServices.flatMap((object) => checkOne(object, cluster)));

function checkOne(object: VirtualService, cluster: ClusterView): Finding[] {
  const { name, namespace = "default" } = object.metadata;
  return routesOf(object).flatMap(({ place, route }) =>
    destinationsOf(route).flatMap(({ destination: { host, subset }, weight, place: inRoute }): Finding[] => {
      if (subset === undefined || subset === "") return [];
      const full = fullHost(host, namespace);
      const rules = cluster.destinationRules.filter((rule) => coversHost(hostOf(rule), full));
      const known = rules.flatMap((rule) => (rule.spec.subsets ?? []).map((one) => one.name));
      if (known.includes(subset)) return [];
      const share =
        weight === undefined || (route.route ?? []).length < 2
          ? "requests"
          : `requests in proportion to weight ${weight}`;
      return [
        {
          code: "traffic/unknown-subset",
          severity: "error",
          cluster: cluster.name,
          objects: [reference(cluster, object, `spec.${place}.${inRoute}.subset`)],
          effect: `${share} to ${host} are answered with 503: no proxy knows where subset ${subset} is`,
          cause: `${place} of VirtualService ${namespace}/${name} in ${cluster.name} names subset ${subset}, which no DestinationRule for ${full} has`,
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

function hostOf(rule: DestinationRule): string {
  return fullHost(rule.spec.host, rule.metadata.namespace ?? "default");
}
