import type * as liqo from "./liqo-types.ts";
import type * as management from "./management-types.ts";
import type { KubeObject } from "./object.ts";
import type * as types from "./types.ts";

declare const objectType: unique symbol;

/** Where a kind is served: enough to build its URL. `T` is the type of its objects. */
export interface Kind<T extends KubeObject = KubeObject> {
  /** "" for the core group. */
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
  readonly namespaced: boolean;
  readonly [objectType]?: T;
}

/** The apiVersion that objects of `kind` carry: "v1", "apps/v1". */
export function apiVersionOf(kind: Pick<Kind, "group" | "version">): string {
  return kind.group === "" ? kind.version : `${kind.group}/${kind.version}`;
}

/** Splits an apiVersion into group ("" for core) and version. */
export function groupVersion(apiVersion: string): { group: string; version: string } {
  const slash = apiVersion.indexOf("/");
  return slash < 0
    ? { group: "", version: apiVersion }
    : { group: apiVersion.slice(0, slash), version: apiVersion.slice(slash + 1) };
}

function namespaced<T extends KubeObject = KubeObject>(
  apiVersion: string,
  kind: string,
  plural: string,
): Kind<T> {
  return { ...groupVersion(apiVersion), kind, plural, namespaced: true };
}

function clusterWide<T extends KubeObject = KubeObject>(
  apiVersion: string,
  kind: string,
  plural: string,
): Kind<T> {
  return { ...groupVersion(apiVersion), kind, plural, namespaced: false };
}

/** The kinds that isthmus' own code reads or writes. The API server serves more: its registry is data. */
export const kinds = {
  namespaces: clusterWide<types.Namespace>("v1", "Namespace", "namespaces"),
  nodes: clusterWide<types.Node>("v1", "Node", "nodes"),
  pods: namespaced<types.Pod>("v1", "Pod", "pods"),
  services: namespaced<types.Service>("v1", "Service", "services"),
  endpoints: namespaced("v1", "Endpoints", "endpoints"),
  secrets: namespaced<types.Secret>("v1", "Secret", "secrets"),
  configMaps: namespaced<types.ConfigMap>("v1", "ConfigMap", "configmaps"),
  serviceAccounts: namespaced<types.ServiceAccount>("v1", "ServiceAccount", "serviceaccounts"),
  events: namespaced("v1", "Event", "events"),
  endpointSlices: namespaced<types.EndpointSlice>("discovery.k8s.io/v1", "EndpointSlice", "endpointslices"),
  deployments: namespaced<types.Deployment>("apps/v1", "Deployment", "deployments"),
  replicaSets: namespaced<types.ReplicaSet>("apps/v1", "ReplicaSet", "replicasets"),
  statefulSets: namespaced("apps/v1", "StatefulSet", "statefulsets"),
  daemonSets: namespaced("apps/v1", "DaemonSet", "daemonsets"),
  jobs: namespaced("batch/v1", "Job", "jobs"),
  leases: namespaced("coordination.k8s.io/v1", "Lease", "leases"),
  roles: namespaced("rbac.authorization.k8s.io/v1", "Role", "roles"),
  roleBindings: namespaced("rbac.authorization.k8s.io/v1", "RoleBinding", "rolebindings"),
  clusterRoles: clusterWide("rbac.authorization.k8s.io/v1", "ClusterRole", "clusterroles"),
  clusterRoleBindings: clusterWide(
    "rbac.authorization.k8s.io/v1",
    "ClusterRoleBinding",
    "clusterrolebindings",
  ),
  customResourceDefinitions: clusterWide(
    "apiextensions.k8s.io/v1",
    "CustomResourceDefinition",
    "customresourcedefinitions",
  ),
  mutatingWebhooks: clusterWide<types.WebhookConfiguration>(
    "admissionregistration.k8s.io/v1",
    "MutatingWebhookConfiguration",
    "mutatingwebhookconfigurations",
  ),
  validatingWebhooks: clusterWide<types.WebhookConfiguration>(
    "admissionregistration.k8s.io/v1",
    "ValidatingWebhookConfiguration",
    "validatingwebhookconfigurations",
  ),
  autoscalers: namespaced("autoscaling/v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers"),
  serviceExports: namespaced("multicluster.x-k8s.io/v1alpha1", "ServiceExport", "serviceexports"),
  kubernetesClusters: namespaced<management.KubernetesCluster>(
    "management.isthmus.dev/v1alpha1",
    "KubernetesCluster",
    "kubernetesclusters",
  ),
  meshes: namespaced<management.FleetMesh>("management.isthmus.dev/v1alpha1", "Mesh", "meshes"),
  workloads: namespaced<management.FleetWorkload>("management.isthmus.dev/v1alpha1", "Workload", "workloads"),
  destinations: namespaced<management.FleetDestination>(
    "management.isthmus.dev/v1alpha1",
    "Destination",
    "destinations",
  ),
  /** Of Gloo Mesh, under plurals of their own: see data/isthmus-crds.json. */
  glooWorkspaces: namespaced("admin.gloo.solo.io/v2", "Workspace", "glooworkspaces"),
  glooWorkspaceSettings: namespaced("admin.gloo.solo.io/v2", "WorkspaceSettings", "glooworkspacesettings"),
  glooKubernetesClusters: namespaced("admin.gloo.solo.io/v2", "KubernetesCluster", "glookubernetesclusters"),
  workspaces: namespaced<management.Workspace>("management.isthmus.dev/v1alpha1", "Workspace", "workspaces"),
  foreignClusters: clusterWide<liqo.ForeignCluster>(
    "core.liqo.io/v1beta1",
    "ForeignCluster",
    "foreignclusters",
  ),
  resourceSlices: namespaced<liqo.ResourceSlice>(
    "authentication.liqo.io/v1beta1",
    "ResourceSlice",
    "resourceslices",
  ),
  virtualNodes: namespaced<liqo.VirtualNode>("offloading.liqo.io/v1beta1", "VirtualNode", "virtualnodes"),
  namespaceOffloadings: namespaced<liqo.NamespaceOffloading>(
    "offloading.liqo.io/v1beta1",
    "NamespaceOffloading",
    "namespaceoffloadings",
  ),
  tokenReviews: clusterWide("authentication.k8s.io/v1", "TokenReview", "tokenreviews"),
  virtualServices: namespaced("networking.istio.io/v1", "VirtualService", "virtualservices"),
  destinationRules: namespaced("networking.istio.io/v1", "DestinationRule", "destinationrules"),
  gateways: namespaced("networking.istio.io/v1", "Gateway", "gateways"),
  serviceEntries: namespaced("networking.istio.io/v1", "ServiceEntry", "serviceentries"),
  workloadEntries: namespaced("networking.istio.io/v1", "WorkloadEntry", "workloadentries"),
  sidecars: namespaced("networking.istio.io/v1", "Sidecar", "sidecars"),
  peerAuthentications: namespaced("security.istio.io/v1", "PeerAuthentication", "peerauthentications"),
  requestAuthentications: namespaced(
    "security.istio.io/v1",
    "RequestAuthentication",
    "requestauthentications",
  ),
  authorizationPolicies: namespaced("security.istio.io/v1", "AuthorizationPolicy", "authorizationpolicies"),
  telemetries: namespaced("telemetry.istio.io/v1", "Telemetry", "telemetries"),
  envoyFilters: namespaced("networking.istio.io/v1alpha3", "EnvoyFilter", "envoyfilters"),
  wasmPlugins: namespaced("extensions.istio.io/v1alpha1", "WasmPlugin", "wasmplugins"),
} as const;
