import type { Informer, Namespace } from "../../../kube/index.ts";
import type { UpkeepOptions } from "./contracts.ts";

export type NamespaceInformer = Informer<Namespace>;

/** A cluster to keep in order, with what is known of it. */
export interface UpkeepTarget extends UpkeepOptions {
  readonly namespaces: NamespaceInformer;
  /** Whether the cluster is this control plane's to keep in order; changes with the cluster's system namespace. */
  isInCharge(): boolean;
}

/** The value of label istio.io/rev on what belongs to the control plane. */
export function revisionLabel({ revision }: Pick<UpkeepOptions, "revision">): string {
  return revision === "" ? "default" : revision;
}
