import type { KubeObject, PodSpec } from "../../kube/index.ts";
import type { ClusterView, Find, Finding } from "../contracts.ts";
import { findingAbout } from "../finding-about.ts";
import { named } from "../object-reference.ts";
import { isAlive } from "../view/pods.ts";

/** The user of sidecars: what it sends is not redirected. */
const userOfProxies = 1337;

/** Apps that run as the sidecar's user: their connections pass it by. */
export const checkUsers: Find = ({ clusters }) =>
  clusters.flatMap((cluster) => [
    ...cluster.deployments.flatMap((one) =>
      checkOne(one, one.spec.template.spec, "spec.template.spec", cluster),
    ),
    ...cluster.pods
      // What a Deployment's pods do is said of it.
      .filter((pod) => isAlive(pod) && (pod.metadata.ownerReferences ?? []).length === 0)
      .flatMap((pod) => checkOne(pod, pod.spec, "spec", cluster)),
  ]);

function checkOne(object: KubeObject, spec: PodSpec, place: string, cluster: ClusterView): Finding[] {
  if (isOfIstio(object)) return [];
  const ofPod = userOf(spec["securityContext"]) === userOfProxies ? [`${place}.securityContext`] : [];
  const ofContainers = spec.containers.flatMap(({ name, securityContext }, i) =>
    name !== "istio-proxy" && userOf(securityContext) === userOfProxies
      ? [`${place}.containers[${i}].securityContext`]
      : [],
  );
  const [path] = [...ofPod, ...ofContainers];
  if (path === undefined) return [];
  return [
    findingAbout(cluster, object, `${path}.runAsUser`, {
      code: "workload/reserved-user",
      severity: "warning",
      effect: `what ${object.metadata.name} of ${cluster.name} sends passes its sidecar by: it is plaintext, and no rule applies`,
      cause: `${named(object)} of ${cluster.name} runs as user ${userOfProxies}, which is the sidecar's`,
      seen: String(userOfProxies),
      fix: "run it as another user",
    }),
  ];
}

function userOf(securityContext: unknown): unknown {
  return typeof securityContext === "object" && securityContext !== null && "runAsUser" in securityContext
    ? securityContext.runAsUser
    : undefined;
}

/** Gateways and istiod, by the labels that Istio gives them. */
function isOfIstio({ metadata: { labels = {} } }: KubeObject): boolean {
  return labels["istio"] !== undefined || labels["release"] === "istio";
}
