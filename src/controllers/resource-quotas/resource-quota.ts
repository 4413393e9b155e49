import type { Kind, KubeObject, QuotaScopes } from "../../kube/index.ts";

/** Kubernetes ResourceQuota. Amounts are quantities by the names of quotas: "requests.cpu", "count/deployments.apps". */
export interface ResourceQuota extends KubeObject {
  readonly spec?: QuotaScopes & { readonly hard?: Readonly<Record<string, string>> };
  readonly status?: {
    readonly hard?: Readonly<Record<string, string>>;
    readonly used?: Readonly<Record<string, string>>;
  };
}

export const resourceQuotas: Kind<ResourceQuota> = {
  group: "",
  version: "v1",
  kind: "ResourceQuota",
  plural: "resourcequotas",
  namespaced: true,
};
