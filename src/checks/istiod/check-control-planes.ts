import type { Pod } from "../../kube/index.ts";
import type { ClusterView, Find, Finding, MeshView } from "../contracts.ts";
import { reference } from "../object-reference.ts";
import { kubectl, listed } from "../text.ts";
import { systemNamespace } from "../view/labels.ts";
import { isReady, podTrouble } from "../view/pods.ts";

/** A cluster that runs its own control plane, without an istiod that is ready or that answers. */
export const checkControlPlanes: Find = (mesh) =>
  mesh.clusters.filter(({ name, primary }) => name === primary).flatMap((cluster) => checkOne(cluster, mesh));

function checkOne(cluster: ClusterView, mesh: MeshView): Finding[] {
  const { name } = cluster;
  const served = [...mesh.clusters, ...mesh.unread].filter(({ primary }) => primary === name);
  const pods = istiodPods(cluster);
  const read = `-n ${systemNamespace} get pods -l app=istiod`;
  if (!pods.some(isReady)) {
    const seen = pods.map(
      (pod) => `${pod.metadata.name} (${podTrouble(pod) || (pod.status?.phase ?? "new")})`,
    );
    return [
      {
        code: "istiod/not-ready",
        severity: "error",
        cluster: name,
        objects: pods.map((pod) => reference(cluster, pod)),
        effect: `changes reach no proxy of ${listed(served.map((one) => one.name))}, and new pods are refused or stay not ready`,
        cause: `no istiod in ${name} is ready`,
        evidence: [kubectl(name, read, listed(seen))],
        fix: `see kubectl --context ${name} -n ${systemNamespace} describe deployment istiod`,
      },
    ];
  }
  if (mesh.controlPlanes === undefined || mesh.controlPlanes.has(name)) return [];
  return [
    {
      code: "istiod/not-answering",
      severity: "warning",
      cluster: name,
      objects: pods.map((pod) => reference(cluster, pod)),
      effect: `which proxies of ${listed(served.map((one) => one.name))} have their configuration is not known`,
      cause: `istiod in ${name} is ready but its debug pages (port 15014) do not answer`,
      evidence: [kubectl(name, read, listed(pods.map(({ metadata }) => metadata.name)))],
      fix: `see kubectl --context ${name} -n ${systemNamespace} logs deployment/istiod`,
    },
  ];
}

/** The istiods of the cluster that are ready. */
export function readyControlPlanes(cluster: ClusterView | undefined): readonly Pod[] {
  return cluster === undefined ? [] : istiodPods(cluster).filter(isReady);
}

function istiodPods({ pods }: ClusterView): readonly Pod[] {
  return pods.filter(
    ({ metadata }) => metadata.namespace === systemNamespace && metadata.labels?.["app"] === "istiod",
  );
}
