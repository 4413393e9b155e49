import type { ClusterView, Find, Finding, MeshView } from "../contracts.ts";
import { groupBy } from "../group-by.ts";
import { reference } from "../object-reference.ts";
import { count, listed } from "../text.ts";
import { podId } from "../view/pods.ts";

/** Proxies that refuse what their control plane sends them, in their own words. */
export const checkRejections: Find = (mesh) => mesh.clusters.flatMap((cluster) => rejections(cluster, mesh));

function rejections(cluster: ClusterView, { controlPlanes }: MeshView): Finding[] {
  const { name, primary } = cluster;
  const refused = (controlPlanes?.get(primary)?.proxies ?? [])
    .filter((proxy) => proxy.cluster === name)
    .flatMap(({ id, rejections: all = [] }) => all.map((rejection) => ({ id, ...rejection })));
  return [...groupBy(refused, ({ type, message }) => `${type} ${message}`).values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    const ids = new Set(group.map(({ id }) => id));
    const pods = cluster.pods.filter((pod) => ids.has(podId(pod)));
    const [pod] = pods;
    return [
      {
        code: "proxy/rejects",
        severity: "error" as const,
        cluster: name,
        objects: pods.map((one) => reference(cluster, one)),
        effect: `changes of ${first.type} do not reach ${count(ids.size, "proxy", "proxies")} of ${name}: they keep what they took last`,
        cause: `${listed([...ids])} ${ids.size === 1 ? "refuses" : "refuse"} what istiod of ${primary} sends: ${first.message}`,
        evidence: [`istiod of ${primary}, /debug/syncz  →  ${first.type} refused by ${listed([...ids])}`],
        fix: `correct the rule that the message is about${
          pod === undefined
            ? ""
            : `; kubectl --context ${name} -n ${pod.metadata.namespace ?? "default"} logs ${pod.metadata.name} -c istio-proxy says more`
        }`,
      },
    ];
  });
}
