import type { Sidecar } from "../../discovery/index.ts";
import type { Find } from "../contracts.ts";
import { workloadFindings } from "../policy/workload-findings.ts";
import { scopesOf } from "../scopes.ts";

/** Sidecars that select no pod, the same pods as another one, or nothing while another of the namespace does neither. */
export const checkSidecars: Find = (mesh) =>
  scopesOf(mesh).flatMap((scope) =>
    workloadFindings(scope, scope.config.sidecars, {
      selector: ({ spec }: Sidecar) => spec.workloadSelector?.labels,
      place: "spec.workloadSelector",
      codes: {
        none: "sidecar/no-workload",
        same: "sidecar/same-workload",
        defaults: "sidecar/several-defaults",
      },
      what: "what their proxies know",
    }),
  );
