import type { Pod } from "../../../kube/index.ts";
import { systemNamespaces } from "./system-namespaces.ts";

const inject = "sidecar.istio.io/inject";

/**
 * Whether a pod that the webhook was called for gets a proxy. Its label sidecar.istio.io/inject decides, or the
 * annotation of that name; without either `isDefault` does, for the webhook is called only where injection is on.
 */
export function isInjected(pod: Pod, namespace: string, isDefault: boolean): boolean {
  // Redirection would be set up for the whole node.
  if (pod.spec.hostNetwork === true) return false;
  if (systemNamespaces.has(namespace)) return false;
  const { labels, annotations } = pod.metadata;
  switch (labels?.[inject] ?? annotations?.[inject]) {
    case "true":
      return true;
    case "false":
      return false;
    default:
      return isDefault;
  }
}
