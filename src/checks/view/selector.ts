import type { KubeObject } from "../../kube/index.ts";

/** The labels by which a policy selects workloads; undefined for one that is for its whole namespace. */
export function selectorOf({ spec }: KubeObject): Readonly<Record<string, string>> | undefined {
  const { selector } = (spec ?? {}) as {
    readonly selector?: { readonly matchLabels?: Readonly<Record<string, string>> };
  };
  const labels = selector?.matchLabels ?? {};
  return Object.keys(labels).length === 0 ? undefined : labels;
}

/** "app=a,version=v1": labels as kubectl -l takes them. */
export function labelsText(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}=${value}`)
    .join(",");
}
