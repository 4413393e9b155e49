import type { Condition, KubeObject } from "../../kube/index.ts";
import type { ClusterView, Find, Finding } from "../contracts.ts";
import { findingAbout } from "../finding-about.ts";
import { named } from "../object-reference.ts";

/** Conditions that are bad when they are False, by kind. */
const wanted: Readonly<Record<string, readonly string[]>> = {
  Service: ["istio.io/WaypointBound"],
  ServiceEntry: ["istio.io/WaypointBound"],
  WorkloadEntry: ["istio.io/WaypointBound"],
  AuthorizationPolicy: ["ZtunnelAccepted", "WaypointAccepted"],
};

/** Objects of which a control plane has written that it could not take them. */
export const checkConditions: Find = ({ clusters }) =>
  clusters.flatMap((cluster) => {
    const objects: readonly KubeObject[] = [
      ...cluster.services,
      ...cluster.serviceEntries,
      ...cluster.workloadEntries,
      ...cluster.authorizationPolicies,
    ];
    return objects.flatMap((object) => checkOne(object, cluster));
  });

function checkOne(object: KubeObject, cluster: ClusterView): Finding[] {
  const { conditions = [] } = (object["status"] ?? {}) as { readonly conditions?: readonly Condition[] };
  return conditions
    .filter(
      ({ type, status, reason }) =>
        wanted[object.kind]?.includes(type) === true &&
        (status === "False" || (type === "WaypointAccepted" && reason === "PartiallyInvalid")),
    )
    .map(({ type, reason = "", message = "" }) =>
      findingAbout(cluster, object, "status.conditions", {
        code: "object/negative-condition",
        severity: "warning",
        effect: `${object.metadata.name} does not do, or not wholly, what it says in ${cluster.name}`,
        cause: `the control plane says of ${named(object)} in ${cluster.name}: ${type} is not so, ${reason}: ${message}`,
        seen: `${type}: ${reason}`,
        fix: "mend what the message names",
      }),
    );
}
