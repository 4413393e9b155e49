import type { IsthmusError, Logger } from "../../base/index.ts";
import type { ChartReference, Wave } from "../../compile/index.ts";
import type { KubeObject } from "../../kube/index.ts";
import type { Applying, ApplyTarget } from "./applying.ts";
import type { Others } from "./others.ts";

/** How long steps of an apply may wait, and who hears of it. */
export interface WaitOptions {
  /** Most milliseconds that one step waits for what others do: an address, a webhook, a namespace on a provider. */
  readonly addressTimeout: number;
  readonly signal: AbortSignal;
  readonly log: Logger;
  /** Told what is waited for; undefined when the wait is over. */
  waiting(cluster: string, what: string | undefined): void;
}

/** How objects are written. */
export interface WriteOptions extends WaitOptions {
  /** Takes over fields that other field managers own. False: those are conflicts, and the object is refused with them. */
  readonly force: boolean;
}

/** A stage of one cluster's apply, and what was applied in it. */
export interface AppliedWave {
  readonly wave: Wave;
  readonly objects: readonly KubeObject[];
  readonly charts: readonly ChartReference[];
}

export interface ApplyOptions extends WriteOptions {
  /** The clusters that can be applied to. Those of `Compiled` that are missing here are left out. */
  readonly targets: ReadonlyMap<string, ApplyTarget>;
  /** Why clusters are missing in `targets`: what others need of them will not come. */
  readonly unreachable?: ReadonlyMap<string, IsthmusError>;
  /** Requests to one API server at a time. 1, the default, keeps the order of the objects. */
  readonly width?: number;
  /** Installs a chart whose values are complete; `write` applies what `note` has put into the cluster's inventory. */
  installChart(chart: ChartReference, cluster: Applying, tools: ChartTools): Promise<void>;
  /** Told when a cluster begins a wave. */
  begins?(cluster: string, wave: AppliedWave): void;
  /** Resolves when the next wave of a cluster may begin. Absent: at once. */
  gate?(cluster: Applying, wave: AppliedWave, others: Others): Promise<void>;
  /** Objects of kinds that a cluster does not serve: applied some time "later", or waited for. */
  readonly unserved: "later" | "wait";
  /** Told what was deleted since it is no longer in the mesh file: "Deployment sample/curl". */
  deleted(cluster: string, objects: readonly string[]): void;
  /** Takes a Helm release away that has left the mesh file. Absent: what it consists of is in the inventory. */
  uninstall?(
    cluster: Applying,
    release: { readonly name: string; readonly namespace: string },
  ): Promise<void>;
}

/** What an installation of a chart is done with. */
export interface ChartTools {
  note(objects: readonly KubeObject[]): Promise<void>;
  write(object: KubeObject): Promise<void>;
}
