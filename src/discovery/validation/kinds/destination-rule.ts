import type { KindCheck } from "../contracts.ts";
import { checkSubsetName } from "../parts/destinations.ts";
import { checkExportTo } from "../parts/export-to.ts";
import { wildcardNameProblem } from "../parts/hosts.ts";
import { checkLabels, checkSelector } from "../parts/labels.ts";
import { checkTrafficPolicy } from "./traffic-policy.ts";

/** Checks a DestinationRule. */
export const checkDestinationRule: KindCheck = ({ spec, namespace }) => {
  const host = spec.field("host");
  const problem = wildcardNameProblem(host.text);
  if (problem !== undefined) host.error(problem);
  checkTrafficPolicy(spec.field("trafficPolicy"), namespace);
  const names = new Set<string>();
  for (const subset of spec.field("subsets").items) {
    const name = subset.field("name");
    if (names.has(name.text)) name.error(`duplicate subset names: ${name.text}`);
    names.add(name.text);
    checkSubsetName(name);
    checkLabels(subset.field("labels"));
    checkTrafficPolicy(subset.field("trafficPolicy"), namespace);
  }
  const selector = spec.field("workloadSelector");
  checkExportTo(spec.field("exportTo"), namespace, { isForWorkloads: selector.isSet });
  checkSelector(selector, "matchLabels");
};
