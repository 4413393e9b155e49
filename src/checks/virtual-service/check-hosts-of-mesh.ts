import { resolveShortName, type VirtualService } from "../../discovery/index.ts";
import { byAge } from "../by-age.ts";
import type { ClusterView, Find, Finding } from "../contracts.ts";
import { groupBy } from "../group-by.ts";
import { namesOf, reference } from "../object-reference.ts";
import { kubectl, listed } from "../text.ts";
import { isForMesh } from "../traffic/virtual-service.ts";

/**
 * VirtualServices for one host among the mesh's own proxies, where some namespace sees several of them: only the oldest
 * counts, the others are passed over without a word.
 */
export const checkHostsOfMesh: Find = ({ clusters }) =>
  clusters.filter(({ name, primary }) => name === primary).flatMap(checkOne);

function checkOne(cluster: ClusterView): Finding[] {
  const claims = cluster.virtualServices.filter(isForMesh).flatMap(claimsOf);
  return [...groupBy(claims, ({ host }) => host).entries()].flatMap(([host, several]): Finding[] => {
    const objects = several
      .filter((one) => several.some((other) => other.object !== one.object && meet(one, other)))
      .map(({ object }) => object)
      .sort(byAge);
    const names = [...new Set(namesOf(objects))];
    if (names.length < 2) return [];
    return [
      {
        code: "virtual-service/conflicting-hosts",
        severity: "error",
        cluster: cluster.name,
        objects: [...new Set(objects)].map((object) => reference(cluster, object, "spec.hosts")),
        effect: `requests to ${host} follow the routes of ${names[0]} alone`,
        cause: `${listed(names)} of ${cluster.name} are all for ${host} in the mesh`,
        evidence: [kubectl(cluster.name, "get virtualservices -A", listed(names))],
        fix: "put the routes into one VirtualService, in the order that is meant",
      },
    ];
  });
}

interface Claim {
  readonly object: VirtualService;
  readonly host: string;
  /** Namespaces that see it; "*" stands for all. */
  readonly seenIn: readonly string[];
}

function claimsOf(object: VirtualService): Claim[] {
  const { namespace = "default" } = object.metadata;
  const { hosts = [], exportTo = [] } = object.spec;
  const seenIn = exportTo.length === 0 ? ["*"] : exportTo.map((one) => (one === "." ? namespace : one));
  return [...new Set(hosts.map((host) => resolveShortName(host, namespace, "cluster.local")))].map(
    (host) => ({
      object,
      host,
      seenIn,
    }),
  );
}

function meet(a: Claim, b: Claim): boolean {
  return (
    a.seenIn.includes("*") ||
    b.seenIn.includes("*") ||
    a.seenIn.some((namespace) => b.seenIn.includes(namespace))
  );
}
