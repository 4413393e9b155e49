import { resolveShortName, type VirtualService } from "../../discovery/index.ts";
import type { Find, Finding } from "../contracts.ts";
import { findingAbout } from "../finding-about.ts";
import { named } from "../object-reference.ts";
import { gatewaysOf, isForMesh, routesOf } from "../traffic/virtual-service.ts";

/**
 * Routes at a gateway that lead to a host without a subset, while another VirtualService shares that host out among
 * subsets for the mesh: the gateway does not follow the other one.
 */
export const checkSubsetsAtGateways: Find = ({ clusters }) =>
  clusters
    .filter(({ name, primary }) => name === primary)
    .flatMap((cluster) => {
      const split = new Map(cluster.virtualServices.flatMap(hostsShared));
      return cluster.virtualServices
        .filter((object) => gatewaysOf(object).length > 0)
        .flatMap((object) =>
          (object.spec.http ?? []).flatMap(({ route = [] }, i) =>
            route.flatMap(({ destination: { host, subset } }, j): Finding[] => {
              const other = split.get(fullName(host, object));
              if ((subset ?? "") !== "" || other === undefined || other === object) return [];
              return [
                findingAbout(cluster, object, `spec.http[${i}].route[${j}].destination`, {
                  code: "virtual-service/subset-not-at-gateway",
                  severity: "warning",
                  effect: `requests from outside reach all versions of ${host} alike: the gateway does not know the routes of ${other.metadata.name}`,
                  cause: `${named(object)} of ${cluster.name} leads to ${host} without a subset, and ${named(other)}, which names subsets, is for the mesh only`,
                  seen: `${host}, no subset`,
                  fix: `name the subsets in ${named(object)} too, or add the gateway to ${named(other)}`,
                }),
              ];
            }),
          ),
        );
    });

/** The hosts that a VirtualService for the mesh alone shares out among subsets. */
function hostsShared(object: VirtualService): (readonly [string, VirtualService])[] {
  if (!isForMesh(object) || gatewaysOf(object).length > 0) return [];
  const hosts = (object.spec.hosts ?? []).map((host) => fullName(host, object));
  return routesOf(object).flatMap(({ route }) =>
    (route.route ?? []).flatMap(({ destination }) =>
      destination?.subset !== undefined && hosts.includes(fullName(destination.host, object))
        ? [[fullName(destination.host, object), object] as const]
        : [],
    ),
  );
}

function fullName(host: string, { metadata }: VirtualService): string {
  return resolveShortName(host, metadata.namespace ?? "default", "cluster.local");
}
