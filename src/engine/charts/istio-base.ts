import type { KubeObject } from "../../kube/index.ts";
import { definitionsOf } from "./definitions.ts";

/**
 * What the chart istio/base installs: Istio's CustomResourceDefinitions and the service account that remote
 * credentials are made for.
 */
export function istioBaseObjects(namespace: string): KubeObject[] {
  const labels = { "app.kubernetes.io/name": "istio-reader", "app.kubernetes.io/managed-by": "isthmus" };
  return [
    ...definitionsOf("istio"),
    {
      apiVersion: "v1",
      kind: "ServiceAccount",
      metadata: { name: "istio-reader-service-account", namespace, labels },
    },
  ];
}
