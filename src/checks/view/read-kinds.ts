import { configKinds } from "../../discovery/index.ts";
import { kinds, type ListOptions } from "../../kube/index.ts";
import { systemNamespace } from "./labels.ts";

const inSystem: ListOptions = { namespace: systemNamespace };

/** What is read of a cluster, by its name in a view: the kind, and which of its objects. */
export const readKinds = {
  namespaces: { kind: kinds.namespaces },
  nodes: { kind: kinds.nodes },
  services: { kind: kinds.services },
  endpointSlices: { kind: kinds.endpointSlices, options: inSystem },
  pods: { kind: kinds.pods },
  deployments: { kind: kinds.deployments },
  secrets: { kind: kinds.secrets },
  configMaps: { kind: kinds.configMaps, options: inSystem },
  webhooks: { kind: kinds.mutatingWebhooks },
  gateways: { kind: kinds.gateways },
  virtualServices: { kind: kinds.virtualServices },
  destinationRules: { kind: kinds.destinationRules },
  serviceEntries: { kind: kinds.serviceEntries },
  workloadEntries: { kind: kinds.workloadEntries },
  sidecars: { kind: kinds.sidecars },
  peerAuthentications: { kind: kinds.peerAuthentications },
  requestAuthentications: { kind: kinds.requestAuthentications },
  authorizationPolicies: { kind: kinds.authorizationPolicies },
  telemetries: { kind: kinds.telemetries },
  envoyFilters: { kind: kinds.envoyFilters },
  wasmPlugins: { kind: kinds.wasmPlugins },
  serviceExports: { kind: kinds.serviceExports },
  autoscalers: { kind: kinds.autoscalers },
  foreignClusters: { kind: kinds.foreignClusters },
  resourceSlices: { kind: kinds.resourceSlices },
  namespaceOffloadings: { kind: kinds.namespaceOffloadings },
} as const;

export type ReadKind = keyof typeof readKinds;

/** Istio's own kinds: what a control plane takes from the cluster that it runs in, and from no other. */
export const istioKinds = [
  ...configKinds,
  "requestAuthentications",
  "envoyFilters",
  "wasmPlugins",
] as const satisfies readonly ReadKind[];
