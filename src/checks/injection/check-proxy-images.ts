import { injectionLabel, isInjected, type Namespace } from "../../kube/index.ts";
import type { ClusterView, Find, Finding } from "../contracts.ts";
import { namesOf, reference } from "../object-reference.ts";
import { kubectl, listed } from "../text.ts";
import { isAlive, proxyOf } from "../view/pods.ts";
import { injectorValues } from "./injector-values.ts";

const ownImage = "sidecar.istio.io/proxyImage";

/** Pods whose sidecar is another image than new pods get: mostly older than the last upgrade of the control plane. */
export const checkProxyImages: Find = ({ clusters }) =>
  clusters.flatMap((cluster) =>
    cluster.namespaces.filter(isInjected).flatMap((namespace) => checkOne(namespace, cluster)),
  );

function checkOne(namespace: Namespace, cluster: ClusterView): Finding[] {
  const { name } = namespace.metadata;
  const revision = injectionLabel(namespace)?.replace(/^istio\.io\/rev=|.*enabled$/, "") || "default";
  const { proxyImage } = injectorValues(cluster, revision);
  if (proxyImage === undefined) return [];
  const pods = cluster.pods.filter((pod) => {
    const image = proxyOf(pod)?.image;
    return (
      isAlive(pod) &&
      pod.metadata.namespace === name &&
      pod.metadata.annotations?.[ownImage] === undefined &&
      image !== undefined &&
      // A variant has its name after the tag: "proxyv2:1.30.0-distroless".
      image !== proxyImage &&
      !image.startsWith(`${proxyImage}-`)
    );
  });
  if (pods.length === 0) return [];
  const images = [...new Set(pods.flatMap((pod) => proxyOf(pod)?.image ?? []))];
  return [
    {
      code: "injection/other-proxy-image",
      severity: "warning",
      cluster: cluster.name,
      objects: [reference(cluster, namespace)],
      effect: `${listed(pods.map(({ metadata }) => metadata.name))} in ${name} of ${cluster.name} run another version of the proxy than new pods`,
      cause: `their sidecar is ${listed(images)}, and the injector of ${cluster.name} has ${proxyImage}`,
      evidence: [
        kubectl(cluster.name, `-n ${name} get pods`, `${listed(namesOf(pods))} with ${listed(images)}`),
      ],
      fix: `kubectl --context ${cluster.name} -n ${name} rollout restart deployment`,
    },
  ];
}
