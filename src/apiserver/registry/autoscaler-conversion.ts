import { child, children, type Draft, ensure, isObject, type JsonObject, number, text } from "../draft.ts";
import type { ResourceType } from "./resource-type.ts";

/** Metrics that autoscaling/v1 has no field for travel in this annotation, as in Kubernetes. */
const metricsAnnotation = "autoscaling.alpha.kubernetes.io/metrics";
const behaviorAnnotation = "autoscaling.alpha.kubernetes.io/behavior";
const conditionsAnnotation = "autoscaling.alpha.kubernetes.io/conditions";
const currentMetricsAnnotation = "autoscaling.alpha.kubernetes.io/current-metrics";

function isCpuUtilization(metric: JsonObject): boolean {
  const resource = child(metric, "resource");
  return (
    text(metric, "type") === "Resource" &&
    text(resource, "name") === "cpu" &&
    text(child(resource, "target"), "type") === "Utilization"
  );
}

function toStored(draft: Draft): void {
  const spec = ensure(draft, "spec");
  const annotations = { ...draft.metadata.annotations };
  const metrics: unknown[] = [];
  const percentage = number(spec, "targetCPUUtilizationPercentage");
  if (percentage !== undefined) {
    const target = { type: "Utilization", averageUtilization: percentage };
    metrics.push({ type: "Resource", resource: { name: "cpu", target } });
  }
  metrics.push(...asList(taken(annotations, metricsAnnotation)));
  delete spec["targetCPUUtilizationPercentage"];
  if (metrics.length > 0) spec["metrics"] = metrics;
  const behavior = taken(annotations, behaviorAnnotation);
  if (isObject(behavior)) spec["behavior"] = behavior;
  const status = child(draft, "status");
  if (status !== undefined) {
    const current = number(status, "currentCPUUtilizationPercentage");
    delete status["currentCPUUtilizationPercentage"];
    const conditions = asList(taken(annotations, conditionsAnnotation));
    if (conditions.length > 0) status["conditions"] = conditions;
    const currentMetrics = asList(taken(annotations, currentMetricsAnnotation));
    if (current !== undefined) {
      const resource = { name: "cpu", current: { averageUtilization: current } };
      currentMetrics.unshift({ type: "Resource", resource });
    }
    if (currentMetrics.length > 0) status["currentMetrics"] = currentMetrics;
  }
  setAnnotations(draft, annotations);
}

function fromStored(draft: Draft): void {
  const spec = ensure(draft, "spec");
  const annotations = { ...draft.metadata.annotations };
  const metrics = children(spec, "metrics");
  const cpu = metrics.find(isCpuUtilization);
  const percentage = number(child(child(cpu, "resource"), "target"), "averageUtilization");
  if (percentage !== undefined) spec["targetCPUUtilizationPercentage"] = percentage;
  put(
    annotations,
    metricsAnnotation,
    metrics.filter((metric) => metric !== cpu),
  );
  delete spec["metrics"];
  if (spec["behavior"] !== undefined) annotations[behaviorAnnotation] = JSON.stringify(spec["behavior"]);
  delete spec["behavior"];
  const status = child(draft, "status");
  if (status !== undefined) {
    const current = children(status, "currentMetrics");
    const currentCpu = current.find((metric) => text(child(metric, "resource"), "name") === "cpu");
    const utilization = number(child(child(currentCpu, "resource"), "current"), "averageUtilization");
    if (utilization !== undefined) status["currentCPUUtilizationPercentage"] = utilization;
    put(
      annotations,
      currentMetricsAnnotation,
      current.filter((metric) => metric !== currentCpu),
    );
    put(annotations, conditionsAnnotation, children(status, "conditions"));
    delete status["currentMetrics"];
    delete status["conditions"];
  }
  setAnnotations(draft, annotations);
}

function put(annotations: Record<string, string>, name: string, list: readonly unknown[]): void {
  if (list.length > 0) annotations[name] = JSON.stringify(list);
}

/** The JSON value of an annotation, which is taken out; undefined when it is missing or no JSON. */
function taken(annotations: Record<string, string>, name: string): unknown {
  const value = annotations[name];
  delete annotations[name];
  if (value === undefined) return undefined;
  try {
    return JSON.parse(value);
  } catch {
    return undefined;
  }
}

function asList(value: unknown): unknown[] {
  return Array.isArray(value) ? [...value] : [];
}

function setAnnotations(draft: Draft, annotations: Record<string, string>): void {
  if (Object.keys(annotations).length > 0) draft.metadata.annotations = annotations;
  else delete draft.metadata.annotations;
}

/** Between autoscaling/v1 and autoscaling/v2, as which autoscalers are stored. */
export const autoscalerConversion: NonNullable<ResourceType["convert"]> = { toStored, fromStored };
