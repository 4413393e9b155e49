import type { KubeObject } from "../kube/index.ts";
import type { Check, ClusterView, Finding } from "./contracts.ts";
import { groupBy } from "./group-by.ts";
import { fullHost } from "./hosts.ts";
import { kubectl, listed } from "./text.ts";
import { virtualServiceSpec } from "./virtual-service.ts";

/** For the mesh's own proxies, in contrast to gateways by name. */
const meshGateway = "mesh";

/** Several VirtualServices for one host at one gateway: which of their routes count depends on their age. */
export const checkVirtualServiceHosts: Check = ({ clusters }) =>
  clusters.filter(({ name, primary }) => name === primary).flatMap(checkOne);

function checkOne({ name: cluster, virtualServices }: ClusterView): Finding[] {
  const claims = virtualServices.flatMap((object) => claimsOf(object).map((claim) => ({ ...claim, object })));
  const byClaim = groupBy(claims, ({ host, gateway, seenIn }) => `${host} ${gateway} ${seenIn}`);
  return [...byClaim.values()].flatMap((several): Finding[] => {
    const [first] = several;
    const objects = [...new Set(several.map(({ object }) => object))].sort((a, b) =>
      (a.metadata.creationTimestamp ?? "") < (b.metadata.creationTimestamp ?? "") ? -1 : 1,
    );
    if (first === undefined || objects.length < 2) return [];
    const names = objects.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`);
    const { host, gateway } = first;
    return [
      {
        code: "traffic/several-virtual-services",
        severity: "warning",
        effect:
          gateway === meshGateway
            ? `requests to ${host} follow the routes of ${names[0]} alone`
            : `requests to ${host} at ${gateway} follow the routes of ${listed(names)} one after another, the oldest first`,
        cause: `${listed(names)} of ${cluster} are all for ${host}${gateway === meshGateway ? "" : ` at gateway ${gateway}`}`,
        evidence: [kubectl(cluster, "get virtualservices -A", listed(names))],
        fix: "put the routes into one VirtualService, in the order that is meant",
      },
    ];
  });
}

function claimsOf(object: KubeObject) {
  const { namespace = "default" } = object.metadata;
  const { hosts = [], gateways = [meshGateway], exportTo = ["*"] } = virtualServiceSpec(object);
  // One that only its own namespace sees is in nobody else's way.
  const seenIn =
    exportTo.length > 0 && exportTo.every((one) => one === "." || one === namespace) ? namespace : "*";
  return hosts.flatMap((host) =>
    gateways.map((gateway) => ({
      host: gateway === meshGateway ? fullHost(host, namespace) : host,
      gateway: gateway === meshGateway || gateway.includes("/") ? gateway : `${namespace}/${gateway}`,
      seenIn: gateway === meshGateway ? seenIn : "*",
    })),
  );
}
