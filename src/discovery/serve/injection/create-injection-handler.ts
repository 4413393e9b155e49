import { type JsonObject, loadBuiltInSchema, PatchError } from "../../../kube/index.ts";
import { type AdmissionRequest, parseAdmissionReview, reviewVersion } from "../admission-review.ts";
import type { InjectionHandler, InjectionSettings } from "./contracts.ts";
import { injectPod } from "./inject-pod.ts";
import { parseInjectionPath } from "./injection-path.ts";
import { isInjected } from "./is-injected.ts";
import { jsonDifference } from "./json-difference.ts";
import { parsePod } from "./parse-pod.ts";
import { readTemplateValues } from "./template-values.ts";

/**
 * The sidecar injection webhook: AdmissionReview v1 in and out, with a JSON patch for pods that get a proxy. A pod
 * that asks for what can't be done is refused with the reason; anything but the creation of a pod passes.
 */
export function createInjectionHandler(settings: () => InjectionSettings): InjectionHandler {
  return (path, body) => {
    const request = parseAdmissionReview(body);
    return {
      apiVersion: reviewVersion,
      kind: "AdmissionReview",
      response: answer(request, path, settings()),
    };
  };
}

function answer(request: AdmissionRequest, path: string, settings: InjectionSettings): JsonObject {
  const { uid, object } = request;
  if ((request.kind || "Pod") !== "Pod" || request.operation !== "CREATE") return { uid, allowed: true };
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
