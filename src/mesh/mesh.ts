import type { Places } from "./yaml/places.ts";

declare const brand: unique symbol;
type Named<Kind extends string> = string & { readonly [brand]: Kind };

/** Name of a cluster in the mesh file. Also its Istio cluster ID and its kubectl context here. */
export type ClusterName = Named<"cluster">;

/** Name of a network. Clusters with the same one can reach each other's pods. */
export type NetworkName = Named<"network">;

/** A mesh that has passed every check. Only parseMesh makes one; nothing after it checks the file again. */
export interface Mesh {
  readonly name: string;
  /** Folder of the mesh file, absolute: relative paths of the file are resolved against it. */
  readonly folder: string;
  readonly istio: IstioSettings;
  readonly trust: Trust;
  /** How long tokens live with which control planes read other clusters, in seconds. Absent: without an end. */
  readonly credentialLifetime?: number;
  readonly discovery: "endpoints" | "exports";
  readonly hostSuffix: string;
  /** In the order of the file. */
  readonly clusters: ReadonlyMap<ClusterName, Cluster>;
  readonly peerings: readonly Peering[];
  readonly workspaces: ReadonlyMap<string, Workspace>;
  /** Where isthmus' own images are pulled from, "ghcr.io/shop". Absent: docker.io. */
  readonly registry?: string;
  readonly telemetry: {
    /** How long metrics are kept, in milliseconds. */
    readonly retention: number;
  };
  /** Image pattern (matched against the last part of the image's name) to the command that stands in for it. */
  readonly images: ReadonlyMap<string, ImageStandIn>;
  /** Where each field was written, for diagnostics about what was found out later. */
  readonly places: Places;
}

export interface IstioSettings {
  /** What is installed on real clusters and reported here, for example "1.31.1". */
  readonly version: string;
  readonly revision?: string;
  /** Repository (https:// or oci://), or folder, of Istio's charts; absent: Istio's own repository. */
  readonly charts?: string;
  /** MeshConfig, passed through. */
  readonly meshConfig: Readonly<Record<string, unknown>>;
  /** Values of the istiod chart, passed through. */
  readonly values: Readonly<Record<string, unknown>>;
}

export interface Trust {
  /** Folder with Istio's four CA files, or one such sub-folder per cluster. Absent: a generated root. */
  readonly cacerts?: string;
  /** Who issues the CAs of clusters with a control plane, in place of files. */
  readonly issuer?: CaIssuer;
  readonly domain: string;
  /** Clusters with roots of their own believe each other's. */
  readonly exchangeRoots: boolean;
  readonly allowDifferentRoots: boolean;
}

/** cert-manager's issuer of a cluster's CA. */
export interface CaIssuer {
  readonly name: string;
  /** An Issuer is in istio-system. */
  readonly kind: "Issuer" | "ClusterIssuer";
  /** "8760h"; absent: cert-manager's default. */
  readonly duration?: string;
  readonly from: FieldPath;
}

/** Where a value stands in the file, as the annotation isthmus.dev/from shows it: "clusters.ash.primary". */
export type FieldPath = string;

/** One cluster with mesh-wide settings already merged in. */
export interface Cluster {
  readonly name: ClusterName;
  readonly role: "workload" | "management";
  /** Itself when it runs its own control plane. */
  readonly primary: ClusterName;
  /**
   * The cluster that a peering lets place pods here. Its control plane serves them, and what belongs to the mesh here is
   * applied there. Absent: this one is no provider.
   */
  readonly consumer?: ClusterName;
  /** Absent: flat, all clusters reach each other. */
  readonly network?: NetworkName;
  readonly region?: string;
  readonly zone?: string;
  readonly nodes: readonly ClusterNode[];
  readonly labelNodes: boolean;
  /** Who runs it, as far as the file says. */
  readonly provider?: ClusterProvider;
  readonly context: string;
  readonly kubeconfig?: string;
  readonly server?: string;
  readonly istio: IstioSettings;
  readonly trust: Trust;
  readonly gateways: {
    readonly ingress?: Gateway;
    /** The same object as `ingress` (also in name) when one Deployment does both. */
    readonly eastwest?: Gateway;
    readonly egress?: Gateway;
  };
  readonly loadBalancer: { readonly annotations: Readonly<Record<string, string>>; readonly class?: string };
  /** "service.namespace" or "*.namespace". */
  readonly exports: readonly string[];
  readonly addons: readonly Addon[];
  /** Kubernetes version to report here, and to create it with. */
  readonly kubernetes?: string;
  /** Mesh-wide ones first, then the cluster's own. */
  readonly namespaces: readonly MeshNamespace[];
  /** Mesh-wide ones first, then the cluster's own. */
  readonly manifests: readonly ManifestEntry[];
}

/** Who runs a cluster, and what the tool that creates it has to be told. */
export interface ClusterProvider {
  readonly name: ProviderName;
  /** Machine type of its nodes without GPUs. */
  readonly nodeType?: string;
  /** gke */
  readonly project?: string;
  /** aks */
  readonly resourceGroup?: string;
  /** oke: an OCID. */
  readonly compartment?: string;
  /** vcluster: context of the cluster that it runs in. */
  readonly host?: string;
}

export type ProviderName = "aks" | "eks" | "gke" | "kind" | "oke" | "vcluster";

export interface ClusterNode {
  readonly zone?: string;
  /** Resource name to quantity, for example "nvidia.com/gpu": "1". */
  readonly capacity: Readonly<Record<string, string>>;
}

export interface Gateway {
  readonly name: string;
  readonly namespace: string;
  /** Cross-network port of an east-west gateway. */
  readonly port: number;
  /** Subset of a Kubernetes ServiceSpec, with annotations. */
  readonly service: {
    readonly type: "LoadBalancer" | "NodePort" | "ClusterIP";
    readonly annotations: Readonly<Record<string, string>>;
    readonly ports?: readonly {
      readonly name: string;
      readonly port: number;
      readonly targetPort?: number;
      readonly nodePort?: number;
    }[];
    readonly [field: string]: unknown;
  };
  readonly from: FieldPath;
}

export interface Addon {
  readonly name: "prometheus" | "grafana" | "jaeger" | "kiali";
  readonly port?: number;
  readonly namespace: string;
  readonly dashboards: readonly string[];
  readonly from: FieldPath;
}

export interface MeshNamespace {
  readonly name: string;
  readonly injection: boolean;
  readonly labels: Readonly<Record<string, string>>;
  readonly from: FieldPath;
}

export type ManifestEntry = {
  /** The issuer of the cluster's CA needs it: it comes before Istio. */ readonly forTrust?: true;
} & (
  | {
      readonly kind: "file";
      /** As written: a file, a folder or a URL. */
      readonly file: string;
      readonly namespace?: string;
      readonly selector?: string;
      readonly from: FieldPath;
    }
  | {
      readonly kind: "chart";
      readonly chart: string;
      readonly repo?: string;
      readonly name: string;
      readonly version?: string;
      readonly namespace?: string;
      /** Path of a values file, as written. */
      readonly values?: string;
      readonly set: Readonly<Record<string, unknown>>;
      readonly from: FieldPath;
    }
);

/** A consumer may place pods on a provider. */
export interface Peering {
  readonly consumer: ClusterName;
  readonly provider: ClusterName;
  /** Resource name to quantity. A resource that is not named is as much as the provider has. */
  readonly resources: Readonly<Record<string, string>>;
  readonly namespaces: readonly OffloadedNamespace[];
  readonly from: FieldPath;
}

/** A namespace of the consumer that exists on the provider too, and where its pods may run. */
export interface OffloadedNamespace {
  readonly name: string;
  readonly pods: "Local" | "Remote" | "LocalAndRemote";
  readonly from: FieldPath;
}

export interface Workspace {
  readonly namespaces: readonly string[] | ReadonlyMap<ClusterName, readonly string[]>;
  readonly exports: readonly string[];
  readonly exportTo: readonly string[];
  readonly importFrom: readonly string[];
  readonly isolation: boolean;
}

export interface ImageStandIn {
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}
