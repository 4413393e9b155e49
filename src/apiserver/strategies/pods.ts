import { child, children, ensure, text } from "../draft.ts";
import type { Strategy } from "../registry/resource-type.ts";
import { setPodDefaults, setTemplateDefaults } from "./pod-defaults.ts";
import { podSpecCauses, podUpdateCauses, qosClass } from "./pod-validation.ts";

const longestGrace = 30;

/** Rules of pods. */
export const pods: Strategy = {
  setDefaults: setPodDefaults,
  prepareCreate(draft) {
    draft["status"] = { phase: "Pending", qosClass: qosClass(child(draft, "spec")) };
    const spec = ensure(draft, "spec");
    const gates = children(spec, "schedulingGates");
    if (gates.length > 0)
      ensure(draft, "status")["conditions"] = [
        {
          type: "PodScheduled",
          status: "False",
          reason: "SchedulingGated",
          message: "Scheduling is blocked due to non-empty scheduling gates",
        },
      ];
  },
  validate: (pod) => podSpecCauses(child(pod, "spec"), "spec"),
  validateUpdate: (pod, old) => podUpdateCauses(child(pod, "spec"), child(old, "spec")),
  gracePeriod(pod, asked) {
    const { spec, status } = pod as { spec?: object; status?: object };
    const phase = text(child({ status }, "status"), "phase");
    // Nobody runs a pod that has no node yet or has ended, so nobody would report its end.
    if (
      (text(child({ spec }, "spec"), "nodeName") ?? "") === "" ||
      phase === "Succeeded" ||
      phase === "Failed"
    )
      return 0;
    const own = child({ spec }, "spec")?.["terminationGracePeriodSeconds"];
    return asked ?? (typeof own === "number" ? own : longestGrace);
  },
  selectableFields: {
    "spec.nodeName": (pod) => text(child(pod, "spec"), "nodeName") ?? "",
    "spec.restartPolicy": (pod) => text(child(pod, "spec"), "restartPolicy") ?? "",
    "spec.schedulerName": (pod) => text(child(pod, "spec"), "schedulerName") ?? "",
    "spec.serviceAccountName": (pod) => text(child(pod, "spec"), "serviceAccountName") ?? "",
    "spec.hostNetwork": (pod) => String(child(pod, "spec")?.["hostNetwork"] === true),
    "status.phase": (pod) => text(child(pod, "status"), "phase") ?? "",
    "status.podIP": (pod) => text(child(pod, "status"), "podIP") ?? "",
    "status.nominatedNodeName": (pod) => text(child(pod, "status"), "nominatedNodeName") ?? "",
  },
};

/** Rules of pod templates. */
export const podTemplates: Strategy = {
  setDefaults: (draft) => setTemplateDefaults(child(draft, "template")),
};
