import { matchesLabelSelector, type PodSpec } from "../../kube/index.ts";
import type { ClusterView, Find, Finding } from "../contracts.ts";
import { findingAbout } from "../finding-about.ts";
import { named } from "../object-reference.ts";
import { isAlive } from "../view/pods.ts";
import { isIstioWebhook } from "./check-webhooks.ts";

/** "image: auto", which injection replaces by the proxy's image, where no injection happens. */
export const checkImageAuto: Find = ({ clusters }) =>
  clusters.flatMap((cluster) => [
    ...cluster.pods
      .filter((pod) => isAlive(pod) && hasAuto(pod.spec))
      .map((pod) =>
        findingAbout(cluster, pod, "spec.containers", {
          code: "injection/image-auto-in-pod",
          severity: "error",
          effect: `${pod.metadata.name} of ${cluster.name} does not start: there is no image called auto`,
          cause: `${named(pod)} of ${cluster.name} has image: auto, and went through no injection`,
          seen: "istio-proxy, image auto",
          fix: 'label its namespace or itself for injection (sidecar.istio.io/inject: "true"), then delete it',
        }),
      ),
    ...cluster.deployments.flatMap((deployment): Finding[] => {
      const { template } = deployment.spec;
      if (!hasAuto(template.spec)) return [];
      if (isInjected(deployment.metadata.namespace ?? "default", template.metadata?.labels ?? {}, cluster))
        return [];
      return [
        findingAbout(cluster, deployment, "spec.template.spec.containers", {
          code: "injection/image-auto-in-template",
          severity: "warning",
          effect: `pods of ${deployment.metadata.name} in ${cluster.name} will not start: there is no image called auto`,
          cause: `${named(deployment)} of ${cluster.name} has image: auto, and no injection webhook is for its pods`,
          seen: "istio-proxy, image auto",
          fix: 'label its namespace for injection, or its pods: sidecar.istio.io/inject: "true"',
        }),
      ];
    }),
  ]);

function hasAuto({ containers }: PodSpec): boolean {
  return containers.some(({ name, image }) => name === "istio-proxy" && image === "auto");
}

/** Whether an injection webhook of the cluster is for pods with these labels. */
function isInjected(
  namespace: string,
  labels: Readonly<Record<string, string>>,
  { webhooks, namespaces }: ClusterView,
): boolean {
  const found = namespaces.find(({ metadata }) => metadata.name === namespace);
  // The API server itself labels namespaces with their name.
  const ofNamespace = { "kubernetes.io/metadata.name": namespace, ...found?.metadata.labels };
  return webhooks
    .flatMap(({ webhooks: all = [] }) => all)
    .filter(isIstioWebhook)
    .some(
      ({ namespaceSelector = {}, objectSelector = {} }) =>
        matchesLabelSelector(namespaceSelector, ofNamespace) && matchesLabelSelector(objectSelector, labels),
    );
}
