import type { Pod } from "../../kube/index.ts";
import type { ClusterView, Find, Finding, MeshView } from "../contracts.ts";
import { credentialTrouble } from "../credential/check-credentials.ts";
import { readyControlPlanes } from "../istiod/check-control-planes.ts";
import { controlPlaneAddresses, discoveryPort } from "../istiod/control-plane-address.ts";
import { reference } from "../object-reference.ts";
import { count, kubectl, listed } from "../text.ts";
import { isAlive, isReady, podId, proxyOf, runningSince } from "../view/pods.ts";

/** Milliseconds from the start of a proxy, or of istiod, within which they need not be connected yet. */
const grace = 4000;

/** Proxies that no istiod of their control plane knows. */
export const checkProxies: Find = (mesh) =>
  mesh.clusters.flatMap((cluster): Finding[] => {
    const pods = disconnectedProxies(cluster, mesh);
    const [first] = pods;
    if (first === undefined) return [];
    const { name, primary } = cluster;
    const waiting = pods.filter((pod) => !isReady(pod));
    const effect =
      waiting.length > 0
        ? `${count(waiting.length, "pod")} of ${name} ${waiting.length === 1 ? "does" : "do"} not become ready`
        : `changes do not reach ${count(pods.length, "proxy", "proxies")} of ${name}: they keep what they had`;
    const namespace = first.metadata.namespace ?? "default";
    return [
      {
        code: "proxy/not-connected",
        severity: "error",
        cluster: name,
        objects: pods.map((pod) => reference(cluster, pod)),
        effect,
        cause: `${listed(pods.map(podId))} ${pods.length === 1 ? "is" : "are"} not connected to istiod of ${primary}: ${reasonOf(cluster, mesh)}`,
        evidence: [
          `istiod of ${primary}, /debug/syncz  →  does not have ${listed(pods.map(podId))}`,
          kubectl(
            name,
            `-n ${namespace} get pod ${first.metadata.name}`,
            isReady(first) ? "ready" : "not ready",
          ),
        ],
        fix: `see kubectl --context ${name} -n ${namespace} logs ${first.metadata.name} -c istio-proxy`,
      },
    ];
  });

/** Pods with a proxy that their control plane does not have; none when it can't be asked. */
export function disconnectedProxies(
  cluster: ClusterView,
  { clusters, controlPlanes, now }: MeshView,
): readonly Pod[] {
  const report = controlPlanes?.get(cluster.primary);
  const istiods = readyControlPlanes(clusters.find(({ name }) => name === cluster.primary));
  const isSettled = (pod: Pod) => now - runningSince(pod) > grace;
  if (report === undefined || istiods.length === 0 || !istiods.every(isSettled)) return [];
  const connected = new Set(report.proxies.filter((one) => one.cluster === cluster.name).map(({ id }) => id));
  return cluster.pods.filter(
    (pod) => isAlive(pod) && proxyOf(pod) !== undefined && isSettled(pod) && !connected.has(podId(pod)),
  );
}

function reasonOf(cluster: ClusterView, mesh: MeshView): string {
  const primary = mesh.clusters.find(({ name }) => name === cluster.primary);
  if (primary === undefined || primary === cluster) return "they can't reach it, or are refused";
  const trouble = credentialTrouble(primary, cluster.name, mesh);
  if (trouble !== undefined)
    return `authentication failure, since their tokens can't be checked (${trouble})`;
  return `they cannot reach istiod at ${controlPlaneAddresses(cluster)[0] ?? "an address"}:${discoveryPort}, or are refused`;
}
