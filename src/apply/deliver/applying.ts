import type { CaFiles } from "../../ca/index.ts";
import type { Informer, KubeClient, Service } from "../../kube/index.ts";
import type { Inventory } from "../inventory.ts";
import type { ResourceMap } from "../resource-map.ts";

/** A cluster as apply needs it. */
export interface ApplyTarget {
  readonly client: KubeClient;
  readonly services: Informer<Service>;
  /** How other clusters reach its API. */
  readonly server: string;
  /** PEM of the API's CA. */
  readonly apiCa: string;
  /** Undefined: a cluster without a control plane or workloads of the mesh, or one that keeps the CA it has. */
  readonly caFiles: CaFiles | undefined;
}

/** A cluster while it is applied to. */
export interface Applying extends ApplyTarget {
  readonly name: string;
  readonly resources: ResourceMap;
  readonly inventory: Inventory;
  /** Aborts, with the reason, when the cluster will not get further: then nobody waits for what it was to have. */
  readonly failed: AbortSignal;
}
