import type { KubeObject } from "../kube/index.ts";
import type { ClusterView, Finding, MeshView, ObjectReference } from "./contracts.ts";
import { type ReadKind, readKinds } from "./view/read-kinds.ts";

/** On an object: codes, separated by commas, of findings about it that nobody wants to see; "*" for all. */
const suppress = "galley.istio.io/analyze-suppress";

/** Whether all objects that a finding is about say that it is to be left out, by its own code or by Istio's. */
export function isSuppressed({ code, istioCode, objects }: Finding, { clusters }: MeshView): boolean {
  return (
    objects.length > 0 &&
    objects.every((object) => {
      const cluster = clusters.find(({ name }) => name === object.cluster);
      const annotation = cluster && find(cluster, object)?.metadata.annotations?.[suppress];
      const codes = (annotation ?? "").split(",").map((one) => one.trim());
      return codes.some((one) => one === "*" || one === code || one === istioCode);
    })
  );
}

function find(cluster: ClusterView, { kind, namespace, name }: ObjectReference): KubeObject | undefined {
  const field = (Object.keys(readKinds) as ReadKind[]).find((one) => readKinds[one].kind.kind === kind);
  if (field === undefined || field === "secrets") return undefined;
  const objects: readonly KubeObject[] = cluster[field];
  return objects.find(({ metadata }) => metadata.name === name && metadata.namespace === namespace);
}
