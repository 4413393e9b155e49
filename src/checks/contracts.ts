import type {
  AuthorizationPolicy,
  DestinationRule,
  Gateway,
  PeerAuthentication,
  ServiceEntry,
  Sidecar,
  Telemetry,
  VirtualService,
  WorkloadEntry,
} from "../discovery/index.ts";
import type {
  ConfigMap,
  Deployment,
  EndpointSlice,
  ForeignCluster,
  KubeClient,
  KubeObject,
  Namespace,
  NamespaceOffloading,
  Node,
  Pod,
  ResourceSlice,
  Service,
  TokenLife,
  WebhookConfiguration,
} from "../kube/index.ts";
import type { IstioCode } from "./istio-codes.ts";
import type { Remedy } from "./remedy.ts";

/** An object that a finding is about, and the field in it. */
export interface ObjectReference {
  readonly cluster: string;
  readonly kind: string;
  /** Absent for objects without one, such as Namespaces. */
  readonly namespace?: string;
  readonly name: string;
  /** "spec.http[0].route[1].destination.host" */
  readonly path?: string;
  /** Of an object that was read from a file: "traffic/reviews.yaml:12". */
  readonly writtenAt?: string;
}

/** How much it matters, as Istio's analyzers have it: requests fail, they may fail, it is good to know. */
export type Severity = "error" | "warning" | "info";

/** Something that keeps requests from working, or will. Effect first, then cause, evidence and way out. */
export interface Finding {
  /** Stable, documented in docs/diagnostics.md. */
  readonly code: `${string}/${string}`;
  /** What `istioctl analyze` calls it, where it does. */
  readonly istioCode?: IstioCode;
  readonly severity: Severity;
  /** The cluster where it is to be mended, mostly that of the first object. */
  readonly cluster: string;
  /** The objects that it is about, the one to mend first; none when it is about a cluster as a whole. */
  readonly objects: readonly ObjectReference[];
  readonly effect: string;
  readonly cause: string;
  /** What was read: mostly a kubectl command and its answer. */
  readonly evidence: readonly string[];
  readonly fix: string;
  /** The fix as steps, in their order; absent where somebody has to choose or to write something. */
  readonly remedies?: readonly Remedy[];
}

/** An object, and where it is written: "traffic/reviews.yaml:12". */
export interface WrittenObject {
  readonly object: KubeObject;
  readonly writtenAt?: string;
}

/** A workload cluster, as checks reach it, with what the mesh file says of it. */
export interface CheckedCluster {
  readonly name: string;
  /** The cluster whose control plane serves it; Istio's objects are read there. */
  readonly primary: string;
  /** The network it is meant to be on; undefined in a mesh without networks. */
  readonly network: string | undefined;
  /** Other clusters that its control plane is meant to read; empty for a remote. */
  readonly reads: readonly string[];
  /** Charts of which it is not known here what they bring: it is not called absent. */
  readonly chartsLeftOut?: readonly { readonly name: string; readonly namespace: string }[];
  /** Objects that are looked at as if they had been applied. */
  readonly applied?: readonly WrittenObject[];
  /** The way to its API, or why there is none at the moment and what brings it back. */
  readonly client:
    | KubeClient
    | { readonly away: string; readonly fix: string; readonly remedies?: readonly Remedy[] };
}

/** A line of istiod's /debug/clusterz. */
export interface RegisteredCluster {
  readonly id: string;
  /** "namespace/name"; empty for istiod's own cluster. */
  readonly secretName: string;
  /** "synced", "syncing", "timeout", "closed"; ours also "unreachable" and "unusable". */
  readonly syncStatus: string;
  readonly problem?: string;
}

/** What the istiods of one cluster say of themselves. */
export interface ControlPlaneReport {
  readonly clusters: readonly RegisteredCluster[];
  /** Connected proxies. `id` is "pod.namespace". */
  readonly proxies: readonly ConnectedProxy[];
}

export interface ConnectedProxy {
  readonly cluster: string;
  readonly id: string;
  /** What it refused and did not take since, by the resources' short name: "CDS", "LDS" … */
  readonly rejections?: readonly { readonly type: string; readonly message: string }[];
}

/** Everything that is checked. */
export interface CheckedMesh {
  readonly clusters: readonly CheckedCluster[];
  /** By the cluster that they run in; one that does not answer is absent. Undefined when nobody asked them. */
  readonly controlPlanes: ReadonlyMap<string, ControlPlaneReport> | undefined;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** A Secret from which a control plane takes other clusters' credentials; the credentials themselves are not kept. */
export interface RemoteSecret {
  readonly name: string;
  readonly clusters: readonly string[];
  /** By cluster, of the tokens in it that end. */
  readonly lives?: ReadonlyMap<string, TokenLife>;
}

/** A TLS Secret that a Gateway may name; neither certificate nor key is kept. */
export interface GatewayCredential {
  readonly name: string;
  readonly namespace: string;
  /** Why a gateway can't use it, in words; absent when it can. */
  readonly trouble?: string;
  /** When its certificate ends, in milliseconds since 1970. */
  readonly notAfter?: number;
  /** The host names that its certificate is for; absent when it can't be read. */
  readonly dnsNames?: readonly string[];
}

/** What was read of a cluster, once for all checks. */
export interface ClusterView extends Omit<CheckedCluster, "client"> {
  readonly namespaces: readonly Namespace[];
  readonly nodes: readonly Node[];
  readonly services: readonly Service[];
  readonly endpointSlices: readonly EndpointSlice[];
  readonly pods: readonly Pod[];
  readonly deployments: readonly Deployment[];
  readonly remoteSecrets: readonly RemoteSecret[];
  readonly gatewayCredentials: readonly GatewayCredential[];
  readonly webhooks: readonly WebhookConfiguration[];
  /** Istio's own configuration: of the control plane ("istio") and of the injector ("istio-sidecar-injector"). */
  readonly configMaps: readonly ConfigMap[];
  readonly gateways: readonly Gateway[];
  readonly virtualServices: readonly VirtualService[];
  readonly destinationRules: readonly DestinationRule[];
  readonly serviceEntries: readonly ServiceEntry[];
  readonly workloadEntries: readonly WorkloadEntry[];
  readonly sidecars: readonly Sidecar[];
  readonly peerAuthentications: readonly PeerAuthentication[];
  readonly requestAuthentications: readonly KubeObject[];
  readonly authorizationPolicies: readonly AuthorizationPolicy[];
  readonly telemetries: readonly Telemetry[];
  readonly envoyFilters: readonly KubeObject[];
  readonly wasmPlugins: readonly KubeObject[];
  /** Services that the cluster offers to others (multicluster.x-k8s.io). */
  readonly serviceExports: readonly KubeObject[];
  readonly autoscalers: readonly KubeObject[];
  /** Peerings of which the cluster is a part (Liqo). */
  readonly foreignClusters: readonly ForeignCluster[];
  readonly resourceSlices: readonly ResourceSlice[];
  readonly namespaceOffloadings: readonly NamespaceOffloading[];
  /** Where objects are written that come from files. */
  readonly writtenAt: ReadonlyMap<KubeObject, string>;
}

/** A cluster whose API did not answer. */
export interface UnreadCluster extends Omit<CheckedCluster, "client"> {
  readonly reason: string;
  readonly fix: string;
  readonly remedies?: readonly Remedy[];
}

/** What checks look at. */
export interface MeshView extends Omit<CheckedMesh, "clusters"> {
  readonly clusters: readonly ClusterView[];
  readonly unread: readonly UnreadCluster[];
}

/** What one function finds wrong with the whole mesh. Pure: the same view gives the same findings. */
export type Find = (mesh: MeshView) => readonly Finding[];

/** One check and what it is for. */
export interface Check {
  /** "gateway.conflicts" */
  readonly name: string;
  /** What it looks for, for lists of checks. */
  readonly about: string;
  /** Needs what running clusters say of themselves; has nothing to say about objects in files. */
  readonly needsRunning?: true;
  readonly find: Find;
}
