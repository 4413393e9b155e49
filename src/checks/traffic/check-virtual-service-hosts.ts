import { resolveShortName, type VirtualService } from "../../discovery/index.ts";
import { byAge } from "../by-age.ts";
import type { ClusterView, Find, Finding } from "../contracts.ts";
import { groupBy } from "../group-by.ts";
import { namesOf, reference } from "../object-reference.ts";
import { kubectl, listed } from "../text.ts";
import { pathsMeet } from "./paths-meet.ts";
import { gatewaysOf } from "./virtual-service.ts";

/**
 * Several VirtualServices for one host at one gateway: all their routes count, in the order of their age. It matters where
 * two of them could take the same request.
 */
export const checkVirtualServiceHosts: Find = ({ clusters }) =>
  clusters.filter(({ name, primary }) => name === primary).flatMap(checkOne);

function checkOne(cluster: ClusterView): Finding[] {
  const claims = cluster.virtualServices.flatMap((object) =>
    claimsOf(object).map((claim) => ({ ...claim, object })),
  );
  const byClaim = groupBy(claims, ({ host, gateway }) => `${host} ${gateway}`);
  return [...byClaim.values()].flatMap((several): Finding[] => {
    const [first] = several;
    const all = [...new Set(several.map(({ object }) => object))].sort(byAge);
    const objects = all.filter((one) => all.some((other) => other !== one && pathsMeet(one, other)));
    if (first === undefined || objects.length < 2) return [];
    const names = namesOf(objects);
    const { host, gateway } = first;
    return [
      {
        code: "traffic/several-virtual-services",
        severity: "warning",
        cluster: cluster.name,
        objects: objects.map((object) => reference(cluster, object, "spec.hosts")),
        effect: `requests to ${host} at ${gateway} follow the routes of ${listed(names)} one after another, the oldest first`,
        cause: `${listed(names)} of ${cluster.name} are all for ${host} at gateway ${gateway}`,
        evidence: [kubectl(cluster.name, "get virtualservices -A", listed(names))],
        fix: "put the routes into one VirtualService, in the order that is meant",
      },
    ];
  });
}

function claimsOf(object: VirtualService) {
  const { namespace = "default" } = object.metadata;
  return (object.spec.hosts ?? []).flatMap((host) =>
    gatewaysOf(object).map(({ name }) => ({
      host: resolveShortName(host, namespace, "cluster.local"),
      gateway: name,
    })),
  );
}
