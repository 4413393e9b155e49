import { type CrdProject, type KubeObject, readCrds } from "../../kube/index.ts";

/** The CustomResourceDefinitions that a project's own installation brings to a cluster. */
export function definitionsOf(project: CrdProject): KubeObject[] {
  return readCrds(project).map(({ name, spec }) => ({
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: {
      name,
      labels: { "app.kubernetes.io/part-of": project, "app.kubernetes.io/managed-by": "isthmus" },
    },
    spec,
  }));
}
