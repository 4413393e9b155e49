import type { KubeObject } from "../kube/index.ts";

/** Orders objects as Istio does where the older one counts; one that is not applied yet is the youngest. */
export function byAge(a: KubeObject, b: KubeObject): number {
  const [ofA, ofB] = [a, b].map(({ metadata }) => Date.parse(metadata.creationTimestamp ?? ""));
  return (ofA || Number.MAX_SAFE_INTEGER) - (ofB || Number.MAX_SAFE_INTEGER);
}
