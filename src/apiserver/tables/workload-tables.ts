import { formatLabelSelector, type KubeObject, type LabelSelector } from "../../kube/index.ts";
import { humanDuration, timeSince } from "./human-duration.ts";
import {
  age,
  at,
  columns,
  containerCells,
  count,
  formatLabels,
  hasCondition,
  list,
  map,
  type TableKind,
  text,
  textOr,
} from "./table-kind.ts";

/** The tables of apps, batch and autoscaling, by plural name. */
export const workloadTables: Readonly<Record<string, TableKind>> = {
  deployments: {
    columns: columns(
      "Name",
      "Ready",
      "Up-to-date:integer",
      "Available:integer",
      "Age",
      "Containers*",
      "Images*",
      "Selector*",
    ),
    cells: (deployment, now) => [
      deployment.metadata.name,
      `${count(deployment, "status", "readyReplicas")}/${desired(deployment)}`,
      count(deployment, "status", "updatedReplicas"),
      count(deployment, "status", "availableReplicas"),
      age(deployment, now),
      ...templateCells(deployment),
      selector(deployment),
    ],
  },
  replicasets: {
    columns: columns(
      "Name",
      "Desired:integer",
      "Current:integer",
      "Ready:integer",
      "Age",
      "Containers*",
      "Images*",
      "Selector*",
    ),
    cells: (set, now) => [
      set.metadata.name,
      desired(set),
      count(set, "status", "replicas"),
      count(set, "status", "readyReplicas"),
      age(set, now),
      ...templateCells(set),
      selector(set),
    ],
  },
  statefulsets: {
    columns: columns("Name", "Ready", "Age", "Containers*", "Images*"),
    cells: (set, now) => [
      set.metadata.name,
      `${count(set, "status", "readyReplicas")}/${desired(set)}`,
      age(set, now),
      ...templateCells(set),
    ],
  },
  daemonsets: {
    columns: columns(
      "Name",
      "Desired:integer",
      "Current:integer",
      "Ready:integer",
      "Up-to-date:integer",
      "Available:integer",
      "Node Selector",
      "Age",
      "Containers*",
      "Images*",
      "Selector*",
    ),
    cells: (set, now) => [
      set.metadata.name,
      count(set, "status", "desiredNumberScheduled"),
      count(set, "status", "currentNumberScheduled"),
      count(set, "status", "numberReady"),
      count(set, "status", "updatedNumberScheduled"),
      count(set, "status", "numberAvailable"),
      formatLabels(map(set, "spec", "template", "spec", "nodeSelector")),
      age(set, now),
      ...templateCells(set),
      selector(set),
    ],
  },
  controllerrevisions: {
    columns: columns("Name", "Controller", "Revision:integer", "Age"),
    cells: (revision, now) => {
      const owner = revision.metadata.ownerReferences?.find(({ controller }) => controller === true);
      const [group = ""] = owner?.apiVersion.includes("/") === true ? owner.apiVersion.split("/") : [];
      const kind = `${owner?.kind.toLowerCase() ?? ""}${group === "" ? "" : `.${group}`}`;
      return [
        revision.metadata.name,
        owner === undefined ? "<none>" : `${kind}/${owner.name}`,
        count(revision, "revision"),
        age(revision, now),
      ];
    },
  },
  jobs: {
    columns: columns(
      "Name",
      "Status",
      "Completions",
      "Duration",
      "Age",
      "Containers*",
      "Images*",
      "Selector*",
    ),
    cells: (job, now) => [
      job.metadata.name,
      jobStatus(job),
      jobCompletions(job),
      jobDuration(job, now),
      age(job, now),
      ...templateCells(job),
      selector(job),
    ],
  },
  cronjobs: {
    columns: columns(
      "Name",
      "Schedule",
      "Timezone",
      "Suspend:boolean",
      "Active:integer",
      "Last Schedule",
      "Age",
      "Containers*",
      "Images*",
      "Selector*",
    ),
    cells: (job, now) => {
      const lastSchedule = text(job, "status", "lastScheduleTime");
      return [
        job.metadata.name,
        text(job, "spec", "schedule"),
        textOr("<none>", job, "spec", "timeZone"),
        optionalBoolean(at(job, "spec", "suspend")),
        list(job, "status", "active").length,
        lastSchedule === "" ? "<none>" : timeSince(lastSchedule, now),
        age(job, now),
        ...containerCells(at(job, "spec", "jobTemplate", "spec", "template", "spec")),
        selectorText(at(job, "spec", "jobTemplate", "spec", "selector")),
      ];
    },
  },
  horizontalpodautoscalers: {
    columns: columns("Name", "Reference", "Targets", "MinPods", "MaxPods", "Replicas:integer", "Age"),
    cells: (autoscaler, now) => [
      autoscaler.metadata.name,
      `${text(autoscaler, "spec", "scaleTargetRef", "kind")}/${text(autoscaler, "spec", "scaleTargetRef", "name")}`,
      autoscalerTargets(autoscaler),
      textOr("<unset>", autoscaler, "spec", "minReplicas"),
      count(autoscaler, "spec", "maxReplicas"),
      count(autoscaler, "status", "currentReplicas"),
      age(autoscaler, now),
    ],
  },
};

function desired(object: KubeObject): number {
  const replicas = at(object, "spec", "replicas");
  return typeof replicas === "number" ? replicas : 1;
}

function templateCells(object: KubeObject): [string, string] {
  return containerCells(at(object, "spec", "template", "spec"));
}

function selector(object: KubeObject): string {
  return selectorText(at(object, "spec", "selector"));
}

function selectorText(value: unknown): string {
  return formatLabelSelector(value === undefined || value === null ? undefined : (value as LabelSelector));
}

function optionalBoolean(value: unknown): string {
  return value === true ? "True" : value === false ? "False" : "<unset>";
}

function jobStatus(job: KubeObject): string {
  if (hasCondition(job, "Complete")) return "Complete";
  if (hasCondition(job, "Failed")) return "Failed";
  if (job.metadata.deletionTimestamp !== undefined) return "Terminating";
  return (
    ["Suspended", "FailureTarget", "SuccessCriteriaMet"].find((type) => hasCondition(job, type)) ?? "Running"
  );
}

function jobCompletions(job: KubeObject): string {
  const succeeded = count(job, "status", "succeeded");
  const completions = at(job, "spec", "completions");
  if (typeof completions === "number") return `${succeeded}/${completions}`;
  const parallelism = count(job, "spec", "parallelism");
  return parallelism > 1 ? `${succeeded}/1 of ${parallelism}` : `${succeeded}/1`;
}

function jobDuration(job: KubeObject, now: number): string {
  const started = text(job, "status", "startTime");
  if (started === "") return "";
  const ended = text(job, "status", "completionTime");
  return humanDuration((ended === "" ? now : Date.parse(ended)) - Date.parse(started));
}

function autoscalerTargets(autoscaler: KubeObject): string {
  const metrics = list(autoscaler, "spec", "metrics");
  if (metrics.length === 0) return v1Targets(autoscaler);
  const current = list(autoscaler, "status", "currentMetrics");
  const texts = metrics.map((metric, i) => metricText(metric, current[i]));
  const shown = texts.slice(0, 2).join(", ");
  return texts.length > 2 ? `${shown} + ${texts.length - 2} more...` : shown;
}

/** autoscaling/v1 knows only the CPU. */
function v1Targets(autoscaler: KubeObject): string {
  const target = at(autoscaler, "spec", "targetCPUUtilizationPercentage");
  if (typeof target !== "number") return "<none>";
  const current = at(autoscaler, "status", "currentCPUUtilizationPercentage");
  return `cpu: ${typeof current === "number" ? `${current}%` : "<unknown>"}/${target}%`;
}

function metricText(metric: unknown, current: unknown): string {
  const type = text(metric, "type");
  const field = `${type.charAt(0).toLowerCase()}${type.slice(1)}`;
  const [target, status] = [at(metric, field, "target"), at(current, field, "current")];
  const now = (name: string) => textOr("<unknown>", status, name);
  switch (type) {
    case "Resource":
    case "ContainerResource": {
      const name = text(metric, field, "name");
      const average = text(target, "averageValue");
      if (average !== "") return `${name}: ${now("averageValue")}/${average}`;
      const percent = (from: unknown, otherwise: string) => {
        const value = at(from, "averageUtilization");
        return typeof value === "number" ? `${value}%` : otherwise;
      };
      return `${name}: ${percent(status, "<unknown>")}/${percent(target, "<auto>")}`;
    }
    case "Pods":
      return `${now("averageValue")}/${text(target, "averageValue")}`;
    case "Object":
    case "External": {
      const average = text(target, "averageValue");
      return average === ""
        ? `${now("value")}/${text(target, "value")}`
        : `${now("averageValue")}/${average} (avg)`;
    }
    default:
      return "<unknown type>";
  }
}
