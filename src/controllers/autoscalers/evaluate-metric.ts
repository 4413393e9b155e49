import {
  formatQuantity,
  kinds,
  type Pod,
  parseLabelSelector,
  parseQuantity,
  quantityMillis,
} from "../../kube/index.ts";
import type { Cluster } from "../core/cluster.ts";
import type { MetricSpec, MetricTarget } from "./autoscaler.ts";
import { type MeasuredResource, readPodSamples, requestsOf } from "./pod-metrics.ts";
import { type Proposal, proposeReplicas, type Target, type Tolerances } from "./propose-replicas.ts";

/** What one metric asks for. */
export interface MetricResult {
  readonly replicas: number;
  /** As events and conditions name the metric. */
  readonly name: string;
  /** For status.currentMetrics. */
  readonly status: object;
}

/** Why a metric gives no replica count. `message` is the error, `reason` that of the condition and the event. */
export class MetricFailure extends Error {
  override readonly name = "MetricFailure";
  readonly reason: string;
  /** What this is part of: "failed to get cpu resource metric value". */
  readonly context: string;

  constructor(reason: string, context: string, message: string) {
    super(message);
    this.reason = reason;
    this.context = context;
  }
}

export interface MetricQuestion {
  readonly namespace: string;
  /** Of the target's pods, as its scale names it. */
  readonly selector: string;
  readonly currentReplicas: number;
  readonly tolerances: Tolerances;
}

/** Asks one metric of an autoscaler for a replica count. Throws MetricFailure. */
export async function evaluateMetric(
  cluster: Cluster,
  metric: MetricSpec,
  question: MetricQuestion,
): Promise<MetricResult> {
  const { type, resource, containerResource } = metric;
  if (type === "Resource" && resource !== undefined) {
    const { name, target } = resource;
    const reason = "FailedGetResourceMetric";
    return evaluateResource(cluster, { name }, target, question, {
      fail: (message) => new MetricFailure(reason, `failed to get ${name} resource metric value`, message),
      label: `${name} resource`,
      status: (current) => ({ type, resource: { name, current } }),
    });
  }
  if (type === "ContainerResource" && containerResource !== undefined) {
    const { name, container, target } = containerResource;
    const reason = "FailedGetContainerResourceMetric";
    return evaluateResource(cluster, { name, container }, target, question, {
      fail: (message) => new MetricFailure(reason, `failed to get ${name} container metric value`, message),
      label: `${name} container resource`,
      status: (current) => ({ type, containerResource: { name, container, current } }),
    });
  }
  throw unavailable(metric, question.namespace);
}

/** Metrics that come from adapters, which no cluster has as it comes. */
function unavailable({ type, pods, object, external }: MetricSpec, namespace: string): MetricFailure {
  const custom =
    "unable to fetch metrics from custom metrics API: no custom metrics API (custom.metrics.k8s.io) registered";
  if (type === "Pods" && pods !== undefined)
    return new MetricFailure(
      "FailedGetPodsMetric",
      "failed to get pods metric value",
      `unable to get metric ${pods.metric.name}: ${custom}`,
    );
  if (type === "Object" && object !== undefined) {
    const { kind, name } = object.describedObject;
    return new MetricFailure(
      "FailedGetObjectMetric",
      "failed to get object metric value",
      `unable to get metric ${object.metric.name}: ${kind} on ${namespace} ${name}/${custom}`,
    );
  }
  if (type === "External" && external !== undefined) {
    const { name } = external.metric;
    return new MetricFailure(
      "FailedGetExternalMetric",
      `failed to get ${name} external metric value`,
      `unable to get external metric ${namespace}/${name}/nil: unable to fetch metrics from external metrics API: no external metrics API (external.metrics.k8s.io) registered`,
    );
  }
  const message = `unknown metric source type ${JSON.stringify(type)}`;
  return new MetricFailure("InvalidMetricSourceType", message, message);
}

interface ResourceWords {
  fail(message: string): MetricFailure;
  readonly label: string;
  status(current: object): object;
}

async function evaluateResource(
  cluster: Cluster,
  measured: MeasuredResource,
  target: MetricTarget,
  question: MetricQuestion,
  words: ResourceWords,
): Promise<MetricResult> {
  const { name } = measured;
  const { averageUtilization, averageValue } = target;
  const what = averageValue === undefined ? "utilization" : "usage";
  if (averageValue === undefined && averageUtilization === undefined)
    throw words.fail(
      "invalid resource metric source: neither a utilization target nor a value target was set",
    );
  try {
    const { namespace, selector, currentReplicas, tolerances } = question;
    const samples = await readPodSamples(cluster, measured, namespace, selector).catch((reason: unknown) => {
      throw new Error(`unable to get metrics for resource ${name}: ${messageOf(reason)}`);
    });
    const pods = podsOf(cluster, namespace, selector);
    const proposal = proposeReplicas({
      pods,
      samples,
      isCpu: name === "cpu",
      target: targetOf(target, pods, measured),
      currentReplicas,
      tolerances,
      now: cluster.clock.now(),
    });
    return {
      replicas: proposal.replicas,
      name: averageValue === undefined ? `${words.label} utilization (percentage of request)` : words.label,
      status: words.status(currentValue(proposal)),
    };
  } catch (reason) {
    throw words.fail(`failed to get ${name} ${what}: ${messageOf(reason)}`);
  }
}

function targetOf(
  { averageUtilization = 0, averageValue }: MetricTarget,
  pods: readonly Pod[],
  measured: MeasuredResource,
): Target {
  if (averageValue !== undefined) return { kind: "average", millis: quantityMillis(averageValue) ?? 0 };
  return { kind: "utilization", percent: averageUtilization, requests: requestsOf(pods, measured) };
}

function podsOf(cluster: Cluster, namespace: string, selector: string): readonly Pod[] {
  const { matches } = parseLabelSelector(selector);
  return cluster
    .store(kinds.pods)
    .list(namespace)
    .filter(({ metadata }) => matches(metadata.labels ?? {}));
}

function currentValue({ utilization, average }: Proposal): object {
  const quantity = parseQuantity(`${average}m`);
  return {
    ...(utilization === undefined ? {} : { averageUtilization: utilization }),
    averageValue: quantity === undefined ? "0" : formatQuantity(quantity),
  };
}

function messageOf(reason: unknown): string {
  return reason instanceof Error ? reason.message : String(reason);
}
