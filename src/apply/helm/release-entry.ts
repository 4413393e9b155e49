import type { KubeObject } from "../../kube/index.ts";

export interface HelmReleaseName {
  readonly name: string;
  readonly namespace: string;
}

const release = { apiVersion: "helm.sh/v3", kind: "Release" } as const;

/** How the inventory lists a release that Helm itself installed: Helm alone knows what it consists of. */
export function releaseEntry({ name, namespace }: HelmReleaseName): KubeObject {
  return { ...release, metadata: { name, namespace } };
}

/** Whether an entry of an inventory stands for a release of Helm's. */
export function isReleaseEntry({ apiVersion, kind }: Pick<KubeObject, "apiVersion" | "kind">): boolean {
  return apiVersion === release.apiVersion && kind === release.kind;
}
