import type { KindCheck } from "../contracts.ts";
import { checkSelector } from "../parts/labels.ts";

/** Checks an EnvoyFilter, as far as its patches say what they are for. */
export const checkEnvoyFilter: KindCheck = ({ spec }) => {
  checkSelector(spec.field("workloadSelector"), "labels", ", will be applied to all services in namespace");
  for (const change of spec.field("configPatches").items) {
    const applyTo = change.field("applyTo");
    const patch = change.field("patch");
    const operation = patch.field("operation");
    if (applyTo.text === "" || applyTo.text === "INVALID") applyTo.error("Envoy filter: missing applyTo");
    if (!patch.isSet) patch.error("Envoy filter: missing patch");
    else if (operation.text === "" || operation.text === "INVALID")
      operation.error("Envoy filter: missing patch operation");
    else if (operation.text !== "REMOVE" && !patch.field("value").isSet)
      patch.field("value").error("Envoy filter: missing patch value for non-remove operation");
  }
};
