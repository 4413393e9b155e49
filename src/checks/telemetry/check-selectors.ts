import type { Telemetry } from "../../discovery/index.ts";
import type { Find } from "../contracts.ts";
import { workloadFindings } from "../policy/workload-findings.ts";
import { scopesOf } from "../scopes.ts";

/** Telemetries that select no pod, the same pods as another one, or nothing while another of the namespace does neither. */
export const checkTelemetries: Find = (mesh) =>
  scopesOf(mesh).flatMap((scope) =>
    workloadFindings(
      scope,
      scope.config.telemetries.filter((object) => !hasTarget(object)),
      {
        selector: ({ spec }: Telemetry) => spec?.selector?.matchLabels,
        place: "spec.selector",
        codes: {
          none: "telemetry/no-workload",
          same: "telemetry/same-workload",
          defaults: "telemetry/several-defaults",
        },
        what: "what their proxies report",
      },
    ),
  );

/** Whether it is attached to Gateways or Services by reference. */
function hasTarget({ spec = {} }: Telemetry): boolean {
  return "targetRef" in spec || "targetRefs" in spec;
}
