import { type KubeObject, readDataFile } from "../../kube/index.ts";

interface CrdTable {
  readonly crds: readonly { readonly name: string; readonly spec: Readonly<Record<string, unknown>> }[];
}

/**
 * What the chart istio/base installs: Istio's CustomResourceDefinitions and the service account that remote
 * credentials are made for.
 */
export function istioBaseObjects(namespace: string): KubeObject[] {
  const table = readDataFile("istio-crds.json") as CrdTable;
  const labels = { "app.kubernetes.io/name": "istio-reader", "app.kubernetes.io/managed-by": "isthmus" };
  return [
    ...table.crds.map(({ name, spec }) => ({
      apiVersion: "apiextensions.k8s.io/v1",
      kind: "CustomResourceDefinition",
      metadata: {
        name,
        labels: { "app.kubernetes.io/part-of": "istio", "app.kubernetes.io/managed-by": "isthmus" },
      },
      spec,
    })),
    {
      apiVersion: "v1",
      kind: "ServiceAccount",
      metadata: { name: "istio-reader-service-account", namespace, labels },
    },
  ];
}
