import type { Logger, Signal } from "../../base/index.ts";
import type { KubeObject, Pod, Service } from "../../kube/index.ts";
import type { ClusterInformers } from "../cluster-informers.ts";

/** A cluster whose services can be exported, and that imports what others export. */
export interface FederatedCluster {
  readonly name: string;
  /** The cluster whose control plane serves it and reads Istio's objects for it; itself when it has its own. */
  readonly primary: string;
  readonly informers: ClusterInformers;
}

export interface FederationOptions {
  /** DNS suffix of exported services: "global" makes `messenger.default.global`. */
  readonly hostSuffix: string;
  /** What is offered beside ServiceExports and annotated namespaces. */
  readonly offers?: { current(): readonly Offer[]; readonly changes: Signal };
  /** Told, after each change, of exporters of one name that disagree. */
  disagree?(clashes: readonly ExportClash[]): void;
  readonly signal: AbortSignal;
  readonly log: Logger;
}

/** Services of one cluster that get names in others, for some namespaces only. */
export interface Offer {
  readonly cluster: string;
  readonly services: readonly Service[];
  readonly workspace: string;
  /** What asked for it. */
  readonly from: string;
  /** By primary: the namespaces that know the names. */
  readonly visibleIn: ReadonlyMap<string, readonly string[]>;
}

/** Exporters of one name whose Services are not the same. */
export interface ExportClash {
  readonly host: string;
  readonly workspaces: readonly string[];
  readonly message: string;
}

/**
 * A Service offered to other clusters (Multi-Cluster Services API, KEP-1645). It has the name and the namespace of the
 * Service.
 */
export interface ServiceExport extends KubeObject {
  readonly status?: { readonly conditions?: readonly ExportCondition[] };
}

export interface ExportCondition {
  readonly type: string;
  readonly status: "True" | "False";
  readonly reason: string;
  readonly message: string;
  readonly lastTransitionTime: string;
}

/** Where other networks reach the services of a cluster. */
export interface CrossNetworkGateway {
  /** IP addresses or host names; empty as long as it has none. */
  readonly addresses: readonly string[];
  readonly port: number;
  /** Labels of its pods, by which a Gateway object selects it. */
  readonly selector: Readonly<Record<string, string>>;
}

/** What is known of one cluster. */
export interface ClusterFacts {
  readonly name: string;
  readonly primary: string;
  /** False until everything was read once: what others know of it is kept until then. */
  readonly isKnown: boolean;
  readonly network: string | undefined;
  readonly locality: string | undefined;
  readonly gateway: CrossNetworkGateway | undefined;
  readonly exports: readonly ServiceExport[];
  /** Namespaces all of whose Services are exported. */
  readonly exportedNamespaces: readonly string[];
  readonly services: readonly Service[];
  /** Of its control plane; undefined: not known. */
  readonly trustDomain: string | undefined;
  readonly pods: readonly Pod[];
  /** ServiceEntries of its API: ours tell what is in use, others' which addresses are taken. */
  readonly serviceEntries: readonly ServiceEntry[];
}

/** What federation reads and writes of a ServiceEntry (networking.istio.io/v1). */
export interface ServiceEntry extends KubeObject {
  readonly spec: {
    readonly hosts: readonly string[];
    readonly addresses?: readonly string[];
    readonly endpoints?: readonly ServiceEntryEndpoint[];
    readonly [field: string]: unknown;
  };
}

export interface ServiceEntryEndpoint {
  readonly address: string;
  readonly ports?: Readonly<Record<string, number>>;
  readonly labels?: Readonly<Record<string, string>>;
  readonly locality?: string;
  readonly network?: string;
}
