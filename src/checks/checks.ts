import { checkAnnotations } from "./annotation/check-annotations.ts";
import { checkAutoscalers } from "./autoscaler/check-autoscalers.ts";
import { checkClustersAnswer } from "./cluster/check-clusters-answer.ts";
import type { Check } from "./contracts.ts";
import { checkCredentials } from "./credential/check-credentials.ts";
import { checkTokenLives } from "./credential/check-token-lives.ts";
import { checkCertificates } from "./destination-rule/check-certificates.ts";
import { checkHosts } from "./destination-rule/check-hosts.ts";
import { checkOperations } from "./envoy-filter/check-operations.ts";
import { checkConflicts } from "./gateway/check-conflicts.ts";
import { checkGatewayCredentials } from "./gateway/check-credentials.ts";
import { checkDuplicateCertificates } from "./gateway/check-duplicate-certificates.ts";
import { checkGatewayPods } from "./gateway/check-gateway-pods.ts";
import { checkGatewayWorkloads } from "./gateway/check-workloads.ts";
import { checkImageAuto } from "./injection/check-image-auto.ts";
import { checkInjection } from "./injection/check-injection.ts";
import { checkInjectionLabels } from "./injection/check-namespaces.ts";
import { checkProxyImages } from "./injection/check-proxy-images.ts";
import { checkWebhooks } from "./injection/check-webhooks.ts";
import { checkControlPlaneAddress } from "./istiod/check-control-plane-address.ts";
import { checkControlPlanes } from "./istiod/check-control-planes.ts";
import { checkFailover } from "./locality/check-failover.ts";
import { checkLocalities } from "./locality/check-localities.ts";
import { checkExposure } from "./network/check-exposure.ts";
import { checkGatewayAddresses } from "./network/check-gateway-addresses.ts";
import { checkNetworkLabels } from "./network/check-network-labels.ts";
import { checkNetworksHaveGateways } from "./network/check-networks-have-gateways.ts";
import { checkRegistries } from "./network/check-registries.ts";
import { checkConditions } from "./object/check-conditions.ts";
import { checkDeprecated } from "./object/check-deprecated.ts";
import { checkValidation } from "./object/check-validation.ts";
import { checkOffloadedNamespaces } from "./peering/check-namespaces.ts";
import { checkPeerings } from "./peering/check-peerings.ts";
import { checkGrantedResources } from "./peering/check-resources.ts";
import { checkKeySources } from "./policy/check-key-sources.ts";
import { checkPolicyNamespaces } from "./policy/check-namespaces.ts";
import { checkSelectorsAtGateways } from "./policy/check-selectors-at-gateways.ts";
import { checkPolicyWorkloads } from "./policy/check-workloads.ts";
import { checkProxies } from "./proxy/check-proxies.ts";
import { checkRejections } from "./proxy/check-rejections.ts";
import { checkConsistency } from "./service/check-consistency.ts";
import { checkPortNames } from "./service/check-port-names.ts";
import { checkServices } from "./service/check-services.ts";
import { checkAddressClash } from "./service-entry/check-address-clash.ts";
import { checkAddresses } from "./service-entry/check-addresses.ts";
import { checkProtocols } from "./service-entry/check-protocols.ts";
import { checkExports } from "./service-export/check-exports.ts";
import { checkSidecars } from "./sidecar/check-selectors.ts";
import { checkProviders } from "./telemetry/check-providers.ts";
import { checkTelemetries } from "./telemetry/check-selectors.ts";
import { checkIgnoredRules } from "./traffic/check-ignored-rules.ts";
import { checkSubsets } from "./traffic/check-subsets.ts";
import { checkVirtualServiceHosts } from "./traffic/check-virtual-service-hosts.ts";
import { checkWeights } from "./traffic/check-weights.ts";
import { checkClaims } from "./virtual-service/check-claims.ts";
import { checkDestinations } from "./virtual-service/check-destinations.ts";
import { checkGateways } from "./virtual-service/check-gateways.ts";
import { checkHostsOfMesh } from "./virtual-service/check-hosts-of-mesh.ts";
import { checkSubsetsAtGateways } from "./virtual-service/check-subsets-at-gateways.ts";
import { checkRefusedPods } from "./workload/check-refused-pods.ts";
import { checkServicesOfWorkloads } from "./workload/check-services.ts";
import { checkUsers } from "./workload/check-users.ts";

/** Every check, by the part of the mesh that it looks at; what causes others comes first. */
export const checks: readonly Check[] = [
  {
    name: "cluster.answers",
    about: "the API of every cluster answers",
    needsRunning: true,
    find: checkClustersAnswer,
  },
  {
    name: "istiod.ready",
    about: "every primary has an istiod that is ready and answers",
    needsRunning: true,
    find: checkControlPlanes,
  },
  {
    name: "credential.remote-secrets",
    about: "control planes have a working credential for every cluster that they read",
    needsRunning: true,
    find: checkCredentials,
  },
  {
    name: "credential.token-lives",
    about: "tokens with which control planes read other clusters are renewed in time",
    needsRunning: true,
    find: checkTokenLives,
  },
  {
    name: "istiod.address",
    about: "remotes look for their control plane where it is",
    needsRunning: true,
    find: checkControlPlaneAddress,
  },
  {
    name: "peering.established",
    about: "consumers reach their providers, and peerings are complete",
    needsRunning: true,
    find: checkPeerings,
  },
  {
    name: "peering.namespaces",
    about: "offloaded namespaces come to the providers that are chosen for them",
    needsRunning: true,
    find: checkOffloadedNamespaces,
  },
  {
    name: "peering.resources",
    about: "providers grant what is asked of them",
    needsRunning: true,
    find: checkGrantedResources,
  },
  {
    name: "workload.refused-pods",
    about: "API servers take the pods of Deployments",
    needsRunning: true,
    find: checkRefusedPods,
  },
  {
    name: "proxy.connected",
    about: "every proxy is connected to its control plane",
    needsRunning: true,
    find: checkProxies,
  },
  {
    name: "proxy.accepts",
    about: "every proxy takes what its control plane sends",
    needsRunning: true,
    find: checkRejections,
  },
  {
    name: "network.labels",
    about: "clusters, gateways and pods say the network that they are on",
    find: checkNetworkLabels,
  },
  {
    name: "network.gateways",
    about: "networks with pods that others call have a gateway",
    find: checkNetworksHaveGateways,
  },
  {
    name: "network.gateway-addresses",
    about: "gateways between networks have an address",
    needsRunning: true,
    find: checkGatewayAddresses,
  },
  {
    name: "gateway.pods",
    about: "gateways have a pod that is ready",
    needsRunning: true,
    find: checkGatewayPods,
  },
  {
    name: "network.exposure",
    about: "a Gateway makes gateways between networks listen",
    find: checkExposure,
  },
  {
    name: "locality.nodes",
    about: "nodes of a consumer and of its providers are told apart by region and zone",
    needsRunning: true,
    find: checkLocalities,
  },
  {
    name: "locality.failover",
    about: "Services with pods on both sides of a peering are answered where they are called",
    needsRunning: true,
    find: checkFailover,
  },
  {
    name: "autoscaler.metrics",
    about: "autoscalers see how busy their pods are",
    needsRunning: true,
    find: checkAutoscalers,
  },
  {
    name: "injection.pods",
    about: "namespaces have the label for injection in all clusters, and their pods a sidecar",
    find: checkInjection,
  },
  {
    name: "service.everywhere",
    about: "Services exist in all clusters that call them or have their pods",
    find: checkServices,
  },
  {
    name: "traffic.subsets",
    about: "DestinationRules have the subsets that are sent to",
    find: checkSubsets,
  },
  { name: "traffic.weights", about: "weights of a route sum to 100", find: checkWeights },
  {
    name: "traffic.virtual-services-of-a-host",
    about: "one VirtualService speaks for a host at a gateway",
    find: checkVirtualServiceHosts,
  },
  {
    name: "traffic.ignored-on-remote",
    about: "Istio's objects are in clusters where somebody reads them",
    find: checkIgnoredRules,
  },
  {
    name: "injection.labels",
    about: "namespaces say whether their pods get a sidecar, once",
    find: checkInjectionLabels,
  },
  {
    name: "injection.image-auto",
    about: "image: auto stands only where injection replaces it",
    find: checkImageAuto,
  },
  {
    name: "injection.proxy-images",
    about: "sidecars are of the version that new pods get",
    find: checkProxyImages,
  },
  {
    name: "injection.webhooks",
    about: "injection webhooks do not overlap and have their Service",
    find: checkWebhooks,
  },
  {
    name: "network.registries",
    about: "MeshNetworks names clusters that the control plane reads",
    find: checkRegistries,
  },
  {
    name: "gateway.workloads",
    about: "Gateways are for pods, on ports that the pods' Service has",
    find: checkGatewayWorkloads,
  },
  {
    name: "gateway.conflicts",
    about: "no two Gateways have one host on one port of the same pods",
    find: checkConflicts,
  },
  {
    name: "gateway.credentials",
    about: "the certificates that Gateways name exist and can be used",
    find: checkGatewayCredentials,
  },
  {
    name: "gateway.certificates",
    about: "no two Gateways of the same pods have one certificate",
    find: checkDuplicateCertificates,
  },
  {
    name: "service.consistency",
    about: "Services of one name are the same in all clusters",
    find: checkConsistency,
  },
  { name: "service.port-names", about: "ports say their protocol", find: checkPortNames },
  {
    name: "workload.services",
    about: "the Services of a Deployment do not contradict each other",
    find: checkServicesOfWorkloads,
  },
  { name: "workload.users", about: "apps do not run as the sidecar's user", find: checkUsers },
  {
    name: "virtual-service.destinations",
    about: "hosts and ports that are sent to exist",
    find: checkDestinations,
  },
  {
    name: "virtual-service.gateways",
    about: "Gateways that routes are at exist and have their hosts",
    find: checkGateways,
  },
  {
    name: "virtual-service.hosts",
    about: "one VirtualService speaks for a host in the mesh",
    find: checkHostsOfMesh,
  },
  {
    name: "virtual-service.subsets-at-gateways",
    about: "gateways know the subsets that the mesh's routes name",
    find: checkSubsetsAtGateways,
  },
  {
    name: "virtual-service.claims",
    about: "tokens are read where routes match their claims",
    find: checkClaims,
  },
  {
    name: "destination-rule.hosts",
    about: "the hosts of DestinationRules exist, and their subsets have pods",
    find: checkHosts,
  },
  {
    name: "destination-rule.certificates",
    about: "servers' certificates are checked where TLS is asked for",
    find: checkCertificates,
  },
  {
    name: "service-export.ready",
    about: "exported Services exist and can be reached by other clusters",
    needsRunning: true,
    find: checkExports,
  },
  {
    name: "service-entry.address-clash",
    about: "hosts of ServiceEntries have addresses of their own",
    find: checkAddressClash,
  },
  {
    name: "service-entry.addresses",
    about: "TCP ports of ServiceEntries have an address",
    find: checkAddresses,
  },
  {
    name: "service-entry.protocols",
    about: "ServiceEntries agree on the protocol of a host's port",
    find: checkProtocols,
  },
  { name: "sidecar.selectors", about: "one Sidecar is for a pod", find: checkSidecars },
  { name: "telemetry.selectors", about: "one Telemetry is for a pod", find: checkTelemetries },
  { name: "telemetry.providers", about: "access logs have a provider", find: checkProviders },
  { name: "policy.workloads", about: "policies are for workloads that exist", find: checkPolicyWorkloads },
  {
    name: "policy.namespaces",
    about: "AuthorizationPolicies name namespaces that exist",
    find: checkPolicyNamespaces,
  },
  {
    name: "policy.selectors-at-gateways",
    about: "policies for Kubernetes Gateways name them by targetRef",
    find: checkSelectorsAtGateways,
  },
  {
    name: "policy.key-sources",
    about: "istiod fetches keys for tokens from allowed addresses only",
    find: checkKeySources,
  },
  {
    name: "envoy-filter.operations",
    about: "operations of EnvoyFilters are applied where they stand",
    find: checkOperations,
  },
  {
    name: "annotation.annotations",
    about: "Istio's annotations exist, are in their place and make sense",
    find: checkAnnotations,
  },
  {
    name: "object.validation",
    about: "istiod's webhook would take the objects, without a warning",
    find: checkValidation,
  },
  { name: "object.conditions", about: "control planes have taken the objects", find: checkConditions },
  { name: "object.deprecated", about: "no field is used that Istio is about to drop", find: checkDeprecated },
];
