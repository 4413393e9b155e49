import { isJsonObject } from "../../kube/index.ts";

/** The version of AdmissionReviews that istiod's webhooks speak. */
export const reviewVersion = "admission.k8s.io/v1";

/** What istiod's webhooks read of an AdmissionReview's request. */
export interface AdmissionRequest {
  readonly uid: string;
  /** "" when the request names none. */
  readonly kind: string;
  /** "CREATE" when the request names none. */
  readonly operation: string;
  readonly namespace: string;
  readonly object: unknown;
}

/** The request of an AdmissionReview. Throws RangeError on a body that is none. */
export function parseAdmissionReview(body: unknown): AdmissionRequest {
  if (!isJsonObject(body) || body["apiVersion"] !== reviewVersion || body["kind"] !== "AdmissionReview")
    throw new RangeError(`the body is no AdmissionReview of ${reviewVersion}`);
  const { request } = body;
  if (!isJsonObject(request) || typeof request["uid"] !== "string" || request["uid"] === "")
    throw new RangeError("the AdmissionReview has no request with a uid");
  const { uid, kind, operation, namespace, object } = request;
  const text = (value: unknown, otherwise: string) => (typeof value === "string" ? value : otherwise);
  return {
    uid,
    kind: text(isJsonObject(kind) ? kind["kind"] : undefined, ""),
    operation: text(operation, "CREATE"),
    namespace: text(namespace, ""),
    object,
  };
}
