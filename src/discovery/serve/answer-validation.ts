import { isJsonObject, type JsonObject } from "../../kube/index.ts";
import { checkIstioObject } from "../validation/check-istio-object.ts";
import type { ValidationProblem } from "../validation/contracts.ts";
import { parseAdmissionReview, reviewVersion } from "./admission-review.ts";

/** What an Istio object may have beside `spec`. */
const topFields = new Set(["apiVersion", "kind", "metadata", "spec", "status"]);

/**
 * Answers the AdmissionReviews of the validation webhook: objects of Istio that are created or changed are checked, all
 * else passes. Throws RangeError on a body that is no AdmissionReview.
 */
export function answerValidation(body: unknown): JsonObject {
  const { uid, operation, namespace, object } = parseAdmissionReview(body);
  const isWrite = operation === "CREATE" || operation === "UPDATE";
  const response = isWrite ? judge(object, namespace) : { allowed: true };
  return { apiVersion: reviewVersion, kind: "AdmissionReview", response: { uid, ...response } };
}

function judge(object: unknown, namespace: string): JsonObject {
  if (!isJsonObject(object)) return refusal("cannot decode configuration: the request has no object");
  const problems = checkIstioObject(object, namespace);
  if (problems === undefined)
    return refusal(`unrecognized type ${object["apiVersion"]}, Kind=${object["kind"]}`);
  const errors = problems.filter(({ severity }) => severity === "error");
  if (errors.length > 0) return refusal(`configuration is invalid: ${listed(errors)}`);
  const unknown = Object.keys(object).find((name) => !topFields.has(name));
  if (unknown !== undefined) return refusal(`unknown field ${JSON.stringify(unknown)} on ${object["kind"]}`);
  const warnings = problems.map(sentence);
  return { allowed: true, ...(warnings.length === 0 ? {} : { warnings }) };
}

function refusal(message: string): JsonObject {
  return { allowed: false, status: { message } };
}

/** One problem in its line, several as a list below their number. */
function listed(problems: readonly ValidationProblem[]): string {
  const [first, ...more] = problems.map(sentence);
  if (first === undefined || more.length === 0) return first ?? "";
  const lines = [first, ...more].map((text) => `\t* ${text}\n`);
  return `${lines.length} errors occurred:\n${lines.join("")}\n`;
}

function sentence({ path, message }: ValidationProblem): string {
  return path === "" ? message : `${path}: ${message}`;
}
