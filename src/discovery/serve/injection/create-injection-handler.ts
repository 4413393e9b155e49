import { isJsonObject, type JsonObject, loadBuiltInSchema, PatchError } from "../../../kube/index.ts";
import type { InjectionHandler, InjectionSettings } from "./contracts.ts";
import { injectPod } from "./inject-pod.ts";
import { parseInjectionPath } from "./injection-path.ts";
import { isInjected } from "./is-injected.ts";
import { jsonDifference } from "./json-difference.ts";
import { parsePod } from "./parse-pod.ts";
import { readTemplateValues } from "./template-values.ts";

const apiVersion = "admission.k8s.io/v1";

/**
 * The sidecar injection webhook: AdmissionReview v1 in and out, with a JSON patch for pods that get a proxy. A pod
 * that asks for what can't be done is refused with the reason; anything but the creation of a pod passes.
 */
export function createInjectionHandler(settings: () => InjectionSettings): InjectionHandler {
  return (path, body) => {
    const request = parseReview(body);
    return { apiVersion, kind: "AdmissionReview", response: answer(request, path, settings()) };
  };
}

interface AdmissionRequest {
  readonly uid: string;
  readonly kind: string;
  readonly operation: string;
  readonly namespace: string;
  readonly object: unknown;
}

function parseReview(body: unknown): AdmissionRequest {
  if (!isJsonObject(body) || body["apiVersion"] !== apiVersion || body["kind"] !== "AdmissionReview")
    throw new RangeError(`the body is no AdmissionReview of ${apiVersion}`);
  const { request } = body;
  if (!isJsonObject(request) || typeof request["uid"] !== "string" || request["uid"] === "")
    throw new RangeError("the AdmissionReview has no request with a uid");
  const { uid, kind, operation, namespace, object } = request;
  const text = (value: unknown, otherwise: string) => (typeof value === "string" ? value : otherwise);
  return {
    uid,
    kind: text(isJsonObject(kind) ? kind["kind"] : undefined, "Pod"),
    operation: text(operation, "CREATE"),
    namespace: text(namespace, ""),
    object,
  };
}

function answer(request: AdmissionRequest, path: string, settings: InjectionSettings): JsonObject {
  const { uid, object } = request;
  if (request.kind !== "Pod" || request.operation !== "CREATE") return { uid, allowed: true };
  const schema = loadBuiltInSchema().forKind("", "v1", "Pod");
  if (schema === undefined) throw new Error("the built-in schemas have no Pod");
  try {
    const pod = parsePod(object, schema);
    const namespace = pod.metadata.namespace || request.namespace || "default";
    if (!isInjected(pod, namespace, readTemplateValues(settings).isInjectedByDefault))
      return { uid, allowed: true };
    const pathVariables = parseInjectionPath(path);
    const injected = injectPod({ pod, namespace, pathVariables, settings, schema });
    const patch = JSON.stringify(jsonDifference(object, injected));
    return { uid, allowed: true, patchType: "JSONPatch", patch: Buffer.from(patch).toString("base64") };
  } catch (reason) {
    if (!(reason instanceof RangeError || reason instanceof PatchError)) throw reason;
    return { uid, allowed: false, status: { code: 400, message: `injection: ${reason.message}` } };
  }
}
