import { strategies } from "../strategies/index.ts";
import { autoscalerConversion } from "./autoscaler-conversion.ts";
import { eventConversion } from "./event-conversion.ts";
import type { ResourceType, Subresource, Verb } from "./resource-type.ts";

const allVerbs: readonly Verb[] = [
  "create",
  "delete",
  "deletecollection",
  "get",
  "list",
  "patch",
  "update",
  "watch",
];

/** Rows "apiVersion plural Kind scope shortNames categories subresources"; "-" is empty, scope N or C. */
const rows = `
v1 bindings Binding N - - -
v1 configmaps ConfigMap N cm - -
v1 endpoints Endpoints N ep - -
v1 events Event N ev - -
v1 limitranges LimitRange N limits - -
v1 namespaces Namespace C ns - status,finalize
v1 nodes Node C no - status,proxy
v1 persistentvolumeclaims PersistentVolumeClaim N pvc - status
v1 persistentvolumes PersistentVolume C pv - status
v1 pods Pod N po all status,log,exec,attach,portforward,proxy,eviction,binding,ephemeralcontainers,resize
v1 podtemplates PodTemplate N - - -
v1 replicationcontrollers ReplicationController N rc all status,scale
v1 resourcequotas ResourceQuota N quota - status
v1 secrets Secret N - - -
v1 serviceaccounts ServiceAccount N sa - token
v1 services Service N svc all status,proxy
admissionregistration.k8s.io/v1 mutatingwebhookconfigurations MutatingWebhookConfiguration C - api-extensions -
admissionregistration.k8s.io/v1 validatingadmissionpolicies ValidatingAdmissionPolicy C - api-extensions status
admissionregistration.k8s.io/v1 validatingadmissionpolicybindings ValidatingAdmissionPolicyBinding C - api-extensions -
admissionregistration.k8s.io/v1 validatingwebhookconfigurations ValidatingWebhookConfiguration C - api-extensions -
apiextensions.k8s.io/v1 customresourcedefinitions CustomResourceDefinition C crd,crds api-extensions status
apiregistration.k8s.io/v1 apiservices APIService C - api-extensions status
apps/v1 controllerrevisions ControllerRevision N - - -
apps/v1 daemonsets DaemonSet N ds all status
apps/v1 deployments Deployment N deploy all status,scale
apps/v1 replicasets ReplicaSet N rs all status,scale
apps/v1 statefulsets StatefulSet N sts all status,scale
authentication.k8s.io/v1 selfsubjectreviews SelfSubjectReview C - - -
authentication.k8s.io/v1 tokenreviews TokenReview C - - -
authorization.k8s.io/v1 localsubjectaccessreviews LocalSubjectAccessReview N - - -
authorization.k8s.io/v1 selfsubjectaccessreviews SelfSubjectAccessReview C - - -
authorization.k8s.io/v1 selfsubjectrulesreviews SelfSubjectRulesReview C - - -
authorization.k8s.io/v1 subjectaccessreviews SubjectAccessReview C - - -
autoscaling/v2 horizontalpodautoscalers HorizontalPodAutoscaler N hpa all status
autoscaling/v1 horizontalpodautoscalers HorizontalPodAutoscaler N hpa all status
batch/v1 cronjobs CronJob N cj all status
batch/v1 jobs Job N - all status
certificates.k8s.io/v1 certificatesigningrequests CertificateSigningRequest C csr - status,approval
coordination.k8s.io/v1 leases Lease N - - -
discovery.k8s.io/v1 endpointslices EndpointSlice N - - -
events.k8s.io/v1 events Event N ev - -
metrics.k8s.io/v1beta1 nodes NodeMetrics C - - -
metrics.k8s.io/v1beta1 pods PodMetrics N - - -
networking.k8s.io/v1 ingressclasses IngressClass C - - -
networking.k8s.io/v1 ingresses Ingress N ing - status
networking.k8s.io/v1 networkpolicies NetworkPolicy N netpol - -
policy/v1 poddisruptionbudgets PodDisruptionBudget N pdb - status
rbac.authorization.k8s.io/v1 clusterrolebindings ClusterRoleBinding C - - -
rbac.authorization.k8s.io/v1 clusterroles ClusterRole C - - -
rbac.authorization.k8s.io/v1 rolebindings RoleBinding N - - -
rbac.authorization.k8s.io/v1 roles Role N - - -
scheduling.k8s.io/v1 priorityclasses PriorityClass C pc - -
storage.k8s.io/v1 storageclasses StorageClass C sc - -
`;

const objectVerbs = ["get", "patch", "update"];
const upgradeVerbs = ["create", "get"];
const proxyVerbs = ["create", "delete", "get", "patch", "update"];

/** Subresources by name; those not listed have the object's own kind and get, patch, update. */
const subresources: Readonly<Record<string, Omit<Subresource, "name">>> = {
  scale: { kind: "Scale", group: "autoscaling", version: "v1", verbs: objectVerbs },
  eviction: { kind: "Eviction", group: "policy", version: "v1", verbs: ["create"] },
  binding: { kind: "Binding", verbs: ["create"] },
  token: { kind: "TokenRequest", group: "authentication.k8s.io", version: "v1", verbs: ["create"] },
  log: { verbs: ["get"] },
  exec: { kind: "PodExecOptions", verbs: upgradeVerbs },
  attach: { kind: "PodAttachOptions", verbs: upgradeVerbs },
  portforward: { kind: "PodPortForwardOptions", verbs: upgradeVerbs },
  finalize: { verbs: ["update"] },
};
const proxyKinds: Readonly<Record<string, string>> = {
  pods: "PodProxyOptions",
  services: "ServiceProxyOptions",
};

/** Kinds that Kubernetes stores once and serves in several versions, with the version that is stored. */
const storedElsewhere: Readonly<
  Record<
    string,
    { readonly storedAs: string; readonly storedVersion: string; readonly convert: ResourceType["convert"] }
  >
> = {
  "autoscaling/v1 horizontalpodautoscalers": {
    storedAs: "horizontalpodautoscalers.autoscaling",
    storedVersion: "autoscaling/v2",
    convert: autoscalerConversion,
  },
  "events.k8s.io/v1 events": { storedAs: "events", storedVersion: "v1", convert: eventConversion },
};

/** Kinds that are answered at once and never stored. */
const reviewed = new Set([
  "bindings",
  "selfsubjectreviews",
  "tokenreviews",
  "localsubjectaccessreviews",
  "selfsubjectaccessreviews",
  "selfsubjectrulesreviews",
  "subjectaccessreviews",
]);

/** The group of kinds that are measured when they are read. */
const measuredGroup = "metrics.k8s.io";

/** Every kind that Kubernetes itself brings and this server serves. */
export function builtInResources(): ResourceType[] {
  return rows.trim().split("\n").map(parseRow);
}

function parseRow(row: string): ResourceType {
  const [apiVersion = "", plural = "", kind = "", scope = "", shortNames = "", categories = "", parts = ""] =
    row.split(" ");
  const slash = apiVersion.indexOf("/");
  const group = slash < 0 ? "" : apiVersion.slice(0, slash);
  const elsewhere = storedElsewhere[`${apiVersion} ${plural}`];
  const deprecationWarning =
    kind === "Endpoints"
      ? "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice"
      : undefined;
  return {
    group,
    version: apiVersion.slice(slash + 1),
    kind,
    listKind: `${kind}List`,
    plural,
    singular: kind.toLowerCase(),
    shortNames: words(shortNames),
    categories: words(categories),
    namespaced: scope === "N",
    verbs: group === measuredGroup ? ["get", "list"] : verbsOf(plural),
    subresources: words(parts).map((name) => subresource(plural, name)),
    storedAs: elsewhere?.storedAs ?? (group === "" ? plural : `${plural}.${group}`),
    storedVersion: elsewhere?.storedVersion ?? apiVersion,
    strategy: strategies[group === "" ? plural : `${plural}.${group}`] ?? {},
    ...(elsewhere?.convert === undefined ? {} : { convert: elsewhere.convert }),
    ...(reviewed.has(plural) ? { review: true } : {}),
    ...(group === measuredGroup ? { measured: true } : {}),
    ...(deprecationWarning === undefined ? {} : { deprecationWarning }),
  };
}

function verbsOf(plural: string): readonly Verb[] {
  if (reviewed.has(plural)) return ["create"];
  // Each namespace has its own end to come to.
  return plural === "namespaces" ? allVerbs.filter((verb) => verb !== "deletecollection") : allVerbs;
}

function words(text: string): string[] {
  return text === "-" ? [] : text.split(",");
}

function subresource(plural: string, name: string): Subresource {
  if (name === "proxy") return { name, kind: proxyKinds[plural] ?? "", verbs: proxyVerbs };
  return { name, ...(subresources[name] ?? { verbs: objectVerbs }) };
}
