import type { KubeObject } from "../../kube/index.ts";
import type { ClusterView, Find, Finding } from "../contracts.ts";
import { findingAbout } from "../finding-about.ts";

/** Services that are offered to other clusters and that these do not get, for the reason that the export's status gives. */
export const checkExports: Find = ({ clusters }) =>
  clusters.flatMap((cluster) => cluster.serviceExports.flatMap((object) => checkOne(object, cluster)));

function checkOne(object: KubeObject, cluster: ClusterView): Finding[] {
  const { name, namespace = "default" } = object.metadata;
  const ready = conditionOf(object);
  if (ready === undefined || ready.status === "True") return [];
  const { reason = "", message = "" } = ready;
  return [
    findingAbout(cluster, object, "status.conditions", {
      code: "service-export/not-ready",
      severity: "warning",
      effect: `other clusters can't reach ${name}.${namespace} of ${cluster.name}`,
      cause: message,
      seen: `Ready is ${ready.status}: ${reason}`,
      fix: fixes[reason] ?? `see the conditions of ServiceExport ${namespace}/${name}`,
    }),
  ];
}

const fixes: Readonly<Record<string, string>> = {
  NoService: "create the Service, or correct the name in the export",
  NoGateway: "give the cluster an east-west gateway (gateways.eastwest in the mesh file)",
  NoGatewayAddress: "see why the gateway's Service has no address",
};

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
}

function conditionOf({ status }: KubeObject): Condition | undefined {
  const { conditions = [] } = (status ?? {}) as { readonly conditions?: readonly Condition[] };
  return conditions.find(({ type }) => type === "Ready");
}
