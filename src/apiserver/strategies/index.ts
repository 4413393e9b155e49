import type { Strategy } from "../registry/resource-type.ts";
import * as core from "./core-kinds.ts";
import * as limits from "./limits.ts";
import * as other from "./other-kinds.ts";
import { pods, podTemplates } from "./pods.ts";
import { services } from "./services.ts";
import * as workloads from "./workloads.ts";

/** What Kubernetes does for its own kinds, by stored resource. A kind that is missing here is stored as it comes. */
export const strategies: Readonly<Record<string, Strategy>> = {
  configmaps: core.configMaps,
  endpoints: core.endpoints,
  events: core.events,
  limitranges: limits.limitRanges,
  namespaces: core.namespaces,
  nodes: core.nodes,
  persistentvolumeclaims: core.volumeClaims,
  persistentvolumes: core.volumes,
  pods,
  podtemplates: podTemplates,
  replicationcontrollers: workloads.replicationControllers,
  resourcequotas: limits.resourceQuotas,
  secrets: core.secrets,
  serviceaccounts: core.serviceAccounts,
  services,
  "mutatingwebhookconfigurations.admissionregistration.k8s.io": other.mutatingWebhooks,
  "validatingadmissionpolicies.admissionregistration.k8s.io": other.admissionPolicies,
  "validatingadmissionpolicybindings.admissionregistration.k8s.io": other.admissionPolicyBindings,
  "validatingwebhookconfigurations.admissionregistration.k8s.io": other.validatingWebhooks,
  "customresourcedefinitions.apiextensions.k8s.io": other.definitions,
  "apiservices.apiregistration.k8s.io": other.apiServices,
  "daemonsets.apps": workloads.daemonSets,
  "deployments.apps": workloads.deployments,
  "replicasets.apps": workloads.replicaSets,
  "statefulsets.apps": workloads.statefulSets,
  "horizontalpodautoscalers.autoscaling": other.autoscalers,
  "cronjobs.batch": workloads.cronJobs,
  "jobs.batch": workloads.jobs,
  "certificatesigningrequests.certificates.k8s.io": other.signingRequests,
  "leases.coordination.k8s.io": other.leases,
  "endpointslices.discovery.k8s.io": other.endpointSlices,
  "events.events.k8s.io": core.events,
  "ingressclasses.networking.k8s.io": other.ingressClasses,
  "ingresses.networking.k8s.io": other.ingresses,
  "networkpolicies.networking.k8s.io": other.networkPolicies,
  "poddisruptionbudgets.policy": other.disruptionBudgets,
  "clusterrolebindings.rbac.authorization.k8s.io": other.roleBindings,
  "clusterroles.rbac.authorization.k8s.io": other.roles,
  "rolebindings.rbac.authorization.k8s.io": other.roleBindings,
  "roles.rbac.authorization.k8s.io": other.roles,
  "priorityclasses.scheduling.k8s.io": core.priorityClasses,
  "storageclasses.storage.k8s.io": other.storageClasses,
};
