import type { KubeObject } from "../kube/index.ts";

/**
 * What a mesh becomes: per cluster an ordered list of things to apply. The same for the embedded engine and
 * for real clusters. Holds no secret: what is made at apply time is only referred to.
 */
export interface Compiled {
  readonly clusters: ReadonlyMap<string, readonly CompiledItem[]>;
}

/** Stages of an apply, in order; later ones need earlier ones. */
export const waves = [
  "namespaces",
  "peerings",
  "trust",
  "control-plane",
  "gateways",
  "exposure",
  "management",
  "credentials",
  "manifests",
] as const;
export type Wave = (typeof waves)[number];

export type CompiledItem =
  | {
      readonly kind: "object";
      readonly wave: Wave;
      readonly object: KubeObject;
      /** Field of the mesh file that asked for it. */
      readonly from: string;
      /** Where a user's own object is written: "helloworld.yaml:12". Absent for generated ones. */
      readonly writtenAt?: string;
    }
  /** A Helm chart with its values; never rendered by compile. */
  | { readonly kind: "chart"; readonly wave: Wave; readonly chart: ChartReference }
  /** A Secret whose data is made when it is applied: `object` has everything but the data. */
  | {
      readonly kind: "generated-secret";
      readonly wave: Wave;
      readonly object: KubeObject;
      readonly from: string;
      readonly source:
        | { readonly kind: "cacerts"; readonly folder?: string }
        /** Not made by isthmus: cert-manager issues it for the Certificate of that name, and it is waited for. */
        | {
            readonly kind: "issued";
            readonly certificate: string;
            readonly allowDifferentRoots: boolean;
          }
        | {
            readonly kind: "remote-credential";
            /** The cluster that is read. */
            readonly cluster: string;
            /** Of its token, in seconds; absent: without an end. */
            readonly lifetime?: number;
          }
        /** With which the agent of a cluster calls the manager on the cluster `management`. */
        | { readonly kind: "relay-credential"; readonly management: string };
    };

export interface ChartReference {
  /** Release name. */
  readonly name: string;
  readonly namespace: string;
  /** "base", "istiod", "cert-manager", "open-webui/open-webui" … */
  readonly chart: string;
  readonly repo?: string;
  readonly version?: string;
  /** "istio": Istio's own, wherever the chart is taken from. */
  readonly origin?: "istio";
  /** Values; a string "${address:CLUSTER/NAMESPACE/SERVICE}" stands for that Service's external address once it has one. */
  readonly values: Readonly<Record<string, unknown>>;
  /** Field of the mesh file that asked for it. */
  readonly from: string;
}
