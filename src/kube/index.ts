/**
 * kube: Kubernetes and Istio objects as data, and a small client.
 *
 * Kinds, types, selectors, quantities, patches, schemas, YAML, kubeconfig; KubeClient over an ApiTransport
 * (HTTP or in process); Informer, a cache kept true by list and watch.
 *
 * Holds no rules about meshes and runs no server.
 */
export { ApiError, isApiError } from "./api-error.ts";
export {
  type ApplyConflict,
  ApplyError,
  type ApplyInput,
  type ApplyOutcome,
  applyObject,
  conflictMessage,
} from "./apply/apply-object.ts";
export { withManagedFields, withoutManagedFields } from "./apply/ownable.ts";
export { type UpdateInput, updateManagedFields } from "./apply/update-managed-fields.ts";
export {
  createKubeClient,
  type DeleteOptions,
  type KubeClient,
  type List,
  type ListOptions,
  type PatchOptions,
  type PatchType,
  type PodLogOptions,
  resourcePath,
  type WatchOptions,
} from "./client.ts";
export { resolveAccess } from "./exec-credential.ts";
export {
  exportsAnnotation,
  fromAnnotation,
  generated,
  generatedMeta,
  managedBy,
  managementNamespace,
  systemNamespace,
} from "./generated.ts";
export {
  createHttpTransport,
  type HttpTransport,
  type HttpTransportOptions,
  readEvents,
} from "./http-transport.ts";
export { type InClusterOptions, inClusterAccess, serviceAccountFolder } from "./in-cluster.ts";
export { type Change, type Informer, startInformer } from "./informer.ts";
export { injectionLabel, isInjected } from "./injection-label.ts";
export { apiVersionOf, groupVersion, type Kind, kinds } from "./kinds.ts";
export {
  accessOf,
  formatKubeconfig,
  type KubeAccess,
  type Kubeconfig,
  kubeconfigObject,
  mergeKubeconfigs,
  parseKubeconfig,
  readKubeconfig,
} from "./kubeconfig.ts";
export { isEmptySelector, matchesLabelSelector, matchesLabels, meetsRequirement } from "./label-selector.ts";
export {
  isReflected,
  isVirtualNode,
  nodeTypeLabel,
  originLabel,
  remoteClusterLabel,
  remoteClusterOf,
  virtualNodeType,
} from "./liqo-labels.ts";
export type * from "./liqo-types.ts";
export type * from "./management-types.ts";
export { isWantedNode, preferenceFor } from "./node-affinity.ts";
export { renewNodeLease } from "./node-lease.ts";
export {
  matchesNodeSelectorTerm,
  type NodeAffinity,
  type NodeSelectorRequirement,
  type NodeSelectorTerm,
} from "./node-selector.ts";
export {
  type KubeObject,
  key,
  type ManagedFieldsEntry,
  type ObjectMeta,
  type OwnerReference,
  objectKey,
  type Status,
  type WatchEvent,
} from "./object.ts";
export { openConditions } from "./open-conditions.ts";
export {
  groupVersionPath,
  type OpenApiResource,
  openApiHash,
  openApiV3Index,
} from "./openapi/open-api-resource.ts";
export { openApiV2Document } from "./openapi/v2-document.ts";
export { encodeOpenApiV2 } from "./openapi/v2-protobuf.ts";
export { openApiV3Document } from "./openapi/v3-document.ts";
export { applyJsonPatch } from "./patch/json-patch.ts";
export { isJsonObject, type JsonObject, jsonEqual } from "./patch/json-value.ts";
export { applyMergePatch } from "./patch/merge-patch.ts";
export { PatchError } from "./patch/patch-error.ts";
export { applyStrategicMergePatch } from "./patch/strategic-merge-patch.ts";
export { createPatientTransport, type PatienceOptions } from "./patient-transport.ts";
export { type CommandResult, execInPod, type PodCommand } from "./pod-exec.ts";
export { type Protocol, parseProtocol, servicePortProtocol } from "./port-protocol.ts";
export { decodeProtobuf, ProtobufError } from "./protobuf.ts";
export {
  addQuantities,
  compareQuantities,
  formatQuantity,
  parseQuantity,
  type Quantity,
  quantityFormatMessage,
  quantityMillis,
  quantityMilliValue,
  quantityValue,
  subtractQuantities,
} from "./quantity.ts";
export { createEventRecorder, type EventRecorder } from "./reconcile/event-recorder.ts";
export { type Reconcile, type Requeue, startReconciler } from "./reconcile/start-reconciler.ts";
export { createWorkQueue, type WorkQueue } from "./reconcile/work-queue.ts";
export {
  kubeconfigToken,
  readerAccount,
  remoteKubeconfigIn,
  remoteSecretName,
  withKubeconfigToken,
} from "./remote-secret.ts";
export {
  addResources,
  containerTotals,
  formatResourceList,
  podLimits,
  podRequests,
  type ResourceList,
  resourceList,
  wholePod,
} from "./resources/pod-resources.ts";
export { isInScope, type QuotaScopes } from "./resources/quota-scopes.ts";
export { quotaResource, quotaUsage, unstatedResources } from "./resources/quota-usage.ts";
export { schemaFromCrd } from "./schema/crd-schema.ts";
export { type CrdEntry, type CrdProject, readCrds } from "./schema/crd-table.ts";
export { dataFile, readDataFile } from "./schema/data-file.ts";
export { decodeError } from "./schema/decode-error.ts";
export { type KnownSchema, knownSchema } from "./schema/known-schema.ts";
export { applyDefaults, dropNulls, prune } from "./schema/prune.ts";
export {
  anyValue,
  fieldSchema,
  type GroupVersionKind,
  type RawSchema,
  type SchemaNode,
  type ValidationRule,
} from "./schema/schema-node.ts";
export { createSchemaSet, loadBuiltInSchema, type SchemaSet } from "./schema/schema-set.ts";
export { duplicateFieldErrors, strictFieldErrors } from "./schema/strict-fields.ts";
export { type FieldCause, validateValue } from "./schema/validate-value.ts";
export {
  type FieldRequirement,
  formatLabelSelector,
  labelKeyProblem,
  labelValueProblem,
  parseFieldSelector,
  parseLabelSelector,
  type Selector,
  SelectorError,
} from "./selectors.ts";
export { discouragingTaints, forbiddingTaint, type Taint, tolerates, tolerationOf } from "./taints.ts";
export { kubeTime } from "./time.ts";
export { type AccountToken, requestToken, type TokenLife, tokenLife } from "./token-request.ts";
export { createTokenSource, type TokenSource } from "./token-source.ts";
export type { ApiRequest, ApiResponse, ApiTransport } from "./transport.ts";
export type * from "./types.ts";
export { networkLabel, serviceNameLabel } from "./well-known-labels.ts";
export { type Workload, workloadOf } from "./workload-of.ts";
export { formatYaml, parseYamlObjects, type YamlObject, type YamlObjects } from "./yaml.ts";
