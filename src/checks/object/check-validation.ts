import { checkIstioObject, type ValidationProblem } from "../../discovery/index.ts";
import type { KubeObject } from "../../kube/index.ts";
import type { ClusterView, Find, Finding } from "../contracts.ts";
import { findingAbout } from "../finding-about.ts";
import { named } from "../object-reference.ts";
import { istioKinds } from "../view/read-kinds.ts";

/** What istiod's webhook would refuse or warn of: it was not there when they were applied, or let them pass with a word. */
export const checkValidation: Find = ({ clusters }) =>
  clusters
    .filter(({ name, primary }) => name === primary)
    .flatMap((cluster) =>
      istioKinds
        .flatMap((kind): readonly KubeObject[] => cluster[kind])
        .flatMap((object) =>
          (checkIstioObject(object) ?? []).map((problem) => finding(problem, object, cluster)),
        ),
    );

function finding(
  { severity, path, message }: ValidationProblem,
  object: KubeObject,
  cluster: ClusterView,
): Finding {
  const isError = severity === "error";
  return {
    ...findingAbout(cluster, object, path === "" ? "spec" : path, {
      code: codeOf(isError, message),
      severity: / match .* is not used/.test(message) ? "info" : severity,
      effect: isError
        ? `istiod passes ${object.metadata.name} of ${cluster.name} over, or part of it`
        : `${object.metadata.name} of ${cluster.name} may not do what was meant`,
      cause: `${named(object)}: ${message}`,
      seen: message,
      fix: isError
        ? "correct it; the webhook of istiod refuses it anew"
        : "correct it, or leave it if it is meant",
    }),
  };
}

function codeOf(isError: boolean, message: string): Finding["code"] {
  if (isError) return "object/invalid";
  if (/ match .* is not used/.test(message)) return "virtual-service/ineffective-match";
  return / rule .* not used \(/.test(message) ? "virtual-service/unreachable-rule" : "object/doubtful";
}
