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
  createKubeClient,
  type DeleteOptions,
  type KubeClient,
  type List,
  type ListOptions,
  type PatchOptions,
  type PatchType,
  resourcePath,
  type WatchOptions,
} from "./client.ts";
export { type Change, type Informer, startInformer } from "./informer.ts";
export { apiVersionOf, groupVersion, type Kind, kinds } from "./kinds.ts";
export { isEmptySelector, matchesLabelSelector, matchesLabels } from "./label-selector.ts";
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
export { quantityMillis } from "./quantity.ts";
export type { ApiRequest, ApiResponse, ApiTransport } from "./transport.ts";
export type * from "./types.ts";
