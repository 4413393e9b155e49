import type { Inventory, ResourceMap } from "../../apply/index.ts";
import type { CaFiles } from "../../ca/index.ts";
import type { Informer, KubeClient, Service } from "../../kube/index.ts";

/** A cluster as apply needs it. */
export interface ApplyTarget {
  readonly client: KubeClient;
  readonly services: Informer<Service>;
  /** How other clusters reach its API. */
  readonly server: string;
  /** PEM of the API's CA. */
  readonly apiCa: string;
  /** Undefined: a cluster without a control plane or workloads of the mesh. */
  readonly caFiles: CaFiles | undefined;
}

/** A cluster while it is applied to. */
export interface Applying extends ApplyTarget {
  readonly name: string;
  readonly resources: ResourceMap;
  readonly inventory: Inventory;
}
