import { jsonEqual, type KubeObject, matchesLabelSelector } from "../../kube/index.ts";
import { immutable, invalidValue, notSupported, required } from "../causes.ts";
import {
  child,
  children,
  type Draft,
  ensure,
  fillDefaults,
  type JsonObject,
  number,
  text,
} from "../draft.ts";
import type { Strategy } from "../registry/resource-type.ts";
import type { Cause } from "../status.ts";
import { labelCauses } from "./names.ts";
import { setTemplateDefaults } from "./pod-defaults.ts";
import { podSpecCauses } from "./pod-validation.ts";

function specOf(object: KubeObject | JsonObject): JsonObject | undefined {
  return child(object as JsonObject, "spec");
}

/** Whether the selector is there and selects the template's pods. */
function selectorCauses(object: KubeObject): Cause[] {
  const spec = specOf(object);
  const selector = child(spec, "selector");
  const template = child(spec, "template");
  const labels = child(child(template, "metadata"), "labels") ?? {};
  if (selector === undefined) return [required("spec.selector")];
  if (
    Object.keys(child(selector, "matchLabels") ?? {}).length +
      children(selector, "matchExpressions").length ===
    0
  )
    return [invalidValue("spec.selector", selector, "empty selector is invalid for deployment")];
  const causes: Cause[] = [];
  if (template !== undefined && !matchesLabelSelector(selector, labels as Record<string, string>))
    causes.push(
      invalidValue("spec.template.metadata.labels", labels, "`selector` does not match template `labels`"),
    );
  return causes;
}

function templateCauses(object: KubeObject, allowed: readonly string[]): Cause[] {
  const template = child(specOf(object), "template");
  if (template === undefined) return [required("spec.template")];
  const spec = child(template, "spec");
  const policy = text(spec, "restartPolicy") ?? "";
  const claims = children(specOf(object), "volumeClaimTemplates").map(
    (claim) => text(child(claim, "metadata"), "name") ?? "",
  );
  return [
    ...labelCauses("spec.template.labels", child(child(template, "metadata"), "labels")),
    ...podSpecCauses(spec, "spec.template.spec", claims),
    ...(allowed.includes(policy) ? [] : [notSupported("spec.template.spec.restartPolicy", policy, allowed)]),
  ];
}

function notNegative(object: KubeObject, ...fields: readonly string[]): Cause[] {
  return fields.flatMap((field) => {
    const value = number(specOf(object), field);
    if (value === undefined || value >= 0) return [];
    return [invalidValue(`spec.${field}`, value, "must be greater than or equal to 0")];
  });
}

function unchanged(object: KubeObject, old: KubeObject, ...fields: readonly string[]): Cause[] {
  return fields
    .filter((field) => !jsonEqual(specOf(object)?.[field], specOf(old)?.[field]))
    .map((field) => immutable(`spec.${field}`, specOf(object)?.[field]));
}

/** apps/v1 workloads: what they have in common. */
function workload(options: {
  setDefaults(spec: JsonObject): void;
  status: JsonObject;
  counts: readonly string[];
}): Strategy {
  return {
    countsGenerations: true,
    setDefaults(draft) {
      const spec = ensure(draft, "spec");
      options.setDefaults(spec);
      setTemplateDefaults(child(spec, "template"));
    },
    prepareCreate(draft: Draft) {
      draft["status"] = { ...options.status };
    },
    validate: (object) => [
      ...notNegative(object, ...options.counts),
      ...selectorCauses(object),
      ...templateCauses(object, ["Always"]),
    ],
    validateUpdate: (object, old) => unchanged(object, old, "selector"),
  };
}

/** Rules of deployments. */
export const deployments: Strategy = workload({
  setDefaults(spec) {
    fillDefaults(spec, { replicas: 1, revisionHistoryLimit: 10, progressDeadlineSeconds: 600 });
    const strategy = ensure(spec, "strategy");
    fillDefaults(strategy, { type: "RollingUpdate" });
    if (strategy["type"] === "RollingUpdate")
      fillDefaults(ensure(strategy, "rollingUpdate"), { maxUnavailable: "25%", maxSurge: "25%" });
  },
  status: {},
  counts: ["replicas", "minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds"],
});

/** Rules of replica sets. */
export const replicaSets: Strategy = workload({
  setDefaults: (spec) => fillDefaults(spec, { replicas: 1 }),
  status: { replicas: 0 },
  counts: ["replicas", "minReadySeconds"],
});

/** Rules of daemon sets. */
export const daemonSets: Strategy = workload({
  setDefaults(spec) {
    fillDefaults(spec, { revisionHistoryLimit: 10 });
    const strategy = ensure(spec, "updateStrategy");
    fillDefaults(strategy, { type: "RollingUpdate" });
    if (strategy["type"] === "RollingUpdate")
      fillDefaults(ensure(strategy, "rollingUpdate"), { maxUnavailable: 1, maxSurge: 0 });
  },
  status: { currentNumberScheduled: 0, numberMisscheduled: 0, desiredNumberScheduled: 0, numberReady: 0 },
  counts: ["minReadySeconds", "revisionHistoryLimit"],
});

const changeableOfStatefulSets = [
  "replicas",
  "ordinals",
  "template",
  "updateStrategy",
  "revisionHistoryLimit",
  "persistentVolumeClaimRetentionPolicy",
  "minReadySeconds",
];

const statefulSetBase = workload({
  setDefaults(spec) {
    fillDefaults(spec, {
      replicas: 1,
      revisionHistoryLimit: 10,
      podManagementPolicy: "OrderedReady",
      serviceName: "",
    });
    const strategy = ensure(spec, "updateStrategy");
    fillDefaults(strategy, { type: "RollingUpdate" });
    if (strategy["type"] === "RollingUpdate")
      fillDefaults(ensure(strategy, "rollingUpdate"), { partition: 0 });
    fillDefaults(ensure(spec, "persistentVolumeClaimRetentionPolicy"), {
      whenDeleted: "Retain",
      whenScaled: "Retain",
    });
    for (const claim of children(spec, "volumeClaimTemplates")) {
      fillDefaults(claim, { apiVersion: "v1", kind: "PersistentVolumeClaim" });
      fillDefaults(ensure(claim, "spec"), { volumeMode: "Filesystem" });
      fillDefaults(ensure(claim, "status"), { phase: "Pending" });
    }
  },
  status: { replicas: 0, availableReplicas: 0 },
  counts: ["replicas", "minReadySeconds", "revisionHistoryLimit"],
});

/** Rules of stateful sets. */
export const statefulSets: Strategy = {
  ...statefulSetBase,
  validateUpdate(object, old) {
    const fixed = (from: KubeObject) =>
      Object.fromEntries(
        Object.entries(specOf(from) ?? {}).filter(([field]) => !changeableOfStatefulSets.includes(field)),
      );
    if (jsonEqual(fixed(object), fixed(old))) return [];
    const list = changeableOfStatefulSets.map((field) => `'${field}'`);
    const fields = `${list.slice(0, -1).join(", ")} and ${list.at(-1)}`;
    const message = `Forbidden: updates to statefulset spec for fields other than ${fields} are forbidden`;
    return [{ reason: "FieldValueForbidden", message, field: "spec" }];
  },
};

/** Rules of replication controllers. */
export const replicationControllers: Strategy = {
  countsGenerations: true,
  setDefaults(draft) {
    const spec = ensure(draft, "spec");
    fillDefaults(spec, { replicas: 1 });
    const template = child(spec, "template");
    spec["selector"] ??= { ...child(child(template, "metadata"), "labels") };
    setTemplateDefaults(template);
  },
  prepareCreate(draft) {
    draft["status"] = { replicas: 0 };
  },
  validate: (object) => [
    ...notNegative(object, "replicas", "minReadySeconds"),
    ...templateCauses(object, ["Always"]),
  ],
};

function setJobSpecDefaults(spec: JsonObject): void {
  if (spec["completions"] === undefined && spec["parallelism"] === undefined)
    fillDefaults(spec, { completions: 1, parallelism: 1 });
  fillDefaults(spec, {
    parallelism: 1,
    backoffLimit: 6,
    completionMode: "NonIndexed",
    suspend: false,
    podReplacementPolicy: "TerminatingOrFailed",
    manualSelector: undefined,
  });
  setTemplateDefaults(child(spec, "template"));
}

/** Rules of jobs. */
export const jobs: Strategy = {
  countsGenerations: true,
  setDefaults: (draft) => setJobSpecDefaults(ensure(draft, "spec")),
  prepareCreate(draft) {
    draft["status"] = {};
    const spec = ensure(draft, "spec");
    if (spec["manualSelector"] === true) return;
    // The job's own uid tells its pods from all others; older clients look for the short names.
    const uid = draft.metadata.uid ?? "";
    const name = draft.metadata.name;
    const labels = ensure(ensure(ensure(spec, "template"), "metadata"), "labels");
    fillDefaults(labels, {
      "batch.kubernetes.io/controller-uid": uid,
      "batch.kubernetes.io/job-name": name,
      "controller-uid": uid,
      "job-name": name,
    });
    fillDefaults(ensure(ensure(spec, "selector"), "matchLabels"), {
      "batch.kubernetes.io/controller-uid": uid,
    });
  },
  validate: (object) => [
    ...notNegative(
      object,
      "completions",
      "parallelism",
      "backoffLimit",
      "activeDeadlineSeconds",
      "ttlSecondsAfterFinished",
    ),
    ...templateCauses(object, ["OnFailure", "Never"]),
  ],
  validateUpdate: (object, old) => [
    ...unchanged(object, old, "selector", "template", "completionMode"),
    ...(text(specOf(object), "completionMode") === "Indexed" ? [] : unchanged(object, old, "completions")),
  ],
  selectableFields: {
    "status.successful": (job) => String(number(child(job, "status"), "succeeded") ?? 0),
  },
};

/** Rules of cron jobs. */
export const cronJobs: Strategy = {
  countsGenerations: true,
  setDefaults(draft) {
    const spec = ensure(draft, "spec");
    fillDefaults(spec, {
      concurrencyPolicy: "Allow",
      suspend: false,
      successfulJobsHistoryLimit: 3,
      failedJobsHistoryLimit: 1,
    });
    const template = child(spec, "jobTemplate");
    if (template === undefined) return;
    ensure(template, "metadata")["creationTimestamp"] ??= null;
    const inner = child(ensure(template, "spec"), "template");
    if (inner !== undefined) setTemplateDefaults(inner);
  },
  prepareCreate(draft) {
    draft["status"] = {};
  },
  validate(object) {
    const spec = specOf(object);
    const schedule = text(spec, "schedule") ?? "";
    const causes: Cause[] = [];
    if (schedule === "") causes.push(required("spec.schedule"));
    else if (!schedule.startsWith("@") && schedule.trim().split(/\s+/).length !== 5)
      causes.push(
        invalidValue(
          "spec.schedule",
          schedule,
          `expected exactly 5 fields, found ${schedule.trim().split(/\s+/).length}: [${schedule.trim()}]`,
        ),
      );
    const template = child(child(child(spec, "jobTemplate"), "spec"), "template");
    if (template === undefined) causes.push(required("spec.jobTemplate.spec.template"));
    else causes.push(...podSpecCauses(child(template, "spec"), "spec.jobTemplate.spec.template.spec"));
    return causes;
  },
};
