import { type Condition, isApiError, type Kind, parseQuantity } from "../../kube/index.ts";
import type { AllObjects } from "../core/all-objects.ts";
import { isEquivalent } from "../core/canonical-json.ts";
import type { Cluster } from "../core/cluster.ts";
import { withMessage } from "../core/conditions.ts";
import { splitKey } from "../core/keys.ts";
import { readScale, type Scale, scaledKind } from "../core/scale.ts";
import { type Autoscaler, type AutoscalerStatus, autoscalers, type ScalingRules } from "./autoscaler.ts";
import { evaluateMetric, MetricFailure, type MetricResult } from "./evaluate-metric.ts";
import { limitScaling, noteChange, type ScalingHistory, startHistory } from "./limit-scaling.ts";

const component = "horizontal-pod-autoscaler";

/** How far a metric may be off its target before anything changes, as a part of the target. */
const usualTolerance = 0.1;

/** One look at an autoscaler: what it says of itself so far. */
interface Look {
  readonly cluster: Cluster;
  readonly autoscaler: Autoscaler;
  conditions: readonly Condition[];
  record(type: "Normal" | "Warning", reason: string, message: string): void;
}

/** What a look came to. Absent fields stay as they were. */
type Outcome = Partial<
  Pick<AutoscalerStatus, "currentReplicas" | "desiredReplicas" | "currentMetrics" | "lastScaleTime">
>;

/**
 * Looks at one HorizontalPodAutoscaler: reads its metrics, changes the replicas of its target when they are off, and
 * writes down what it saw. What fails is said in events and conditions. Gives whether it could decide; undefined when
 * the autoscaler is gone.
 */
export async function reconcileAutoscaler(
  cluster: Cluster,
  objects: Pick<AllObjects, "find">,
  histories: Map<string, ScalingHistory>,
  key: string,
): Promise<boolean | undefined> {
  const { namespace, name } = splitKey(key);
  const autoscaler = cluster.store(autoscalers).get(name, namespace);
  if (autoscaler === undefined || autoscaler.metadata.deletionTimestamp !== undefined) {
    histories.delete(key);
    return undefined;
  }
  const look: Look = {
    cluster,
    autoscaler,
    conditions: autoscaler.status?.conditions ?? [],
    record: (type, reason, message) =>
      cluster.events.record(component, autoscaler, { type, reason, message }),
  };
  const outcome = await scaleTarget(look, objects, histories, key);
  await writeStatus(look, outcome);
  return outcome.desiredReplicas !== undefined;
}

async function scaleTarget(
  look: Look,
  objects: Pick<AllObjects, "find">,
  histories: Map<string, ScalingHistory>,
  key: string,
): Promise<Outcome> {
  const { cluster, autoscaler } = look;
  const { spec } = autoscaler;
  let kind: Kind<Scale>;
  let scale: Scale;
  try {
    ({ kind, scale } = await findScale(look, objects));
  } catch (reason) {
    const message = messageOf(reason);
    look.record("Warning", "FailedGetScale", message);
    const said = `the HPA controller was unable to get the target's current scale: ${message}`;
    setCondition(look, "AbleToScale", "False", "FailedGetScale", said);
    return {};
  }
  setCondition(
    look,
    "AbleToScale",
    "True",
    "SucceededGetScale",
    "the HPA controller was able to get the target's current scale",
  );
  const currentReplicas = scale.spec.replicas ?? 0;
  const history = histories.get(key) ?? startHistory(currentReplicas, cluster.clock.now());
  histories.set(key, history);
  const { minReplicas = 1, maxReplicas } = spec;
  if (currentReplicas === 0 && minReplicas !== 0) {
    const why = "scaling is disabled since the replica count of the target is zero";
    setCondition(look, "ScalingActive", "False", "ScalingDisabled", why);
    return { currentReplicas, desiredReplicas: 0, currentMetrics: null };
  }
  if (currentReplicas > maxReplicas || currentReplicas < minReplicas) {
    const isAbove = currentReplicas > maxReplicas;
    const why = `Current number of replicas ${isAbove ? "above Spec.MaxReplicas" : "below Spec.MinReplicas"}`;
    return rescale(look, kind, scale, history, isAbove ? maxReplicas : minReplicas, why, null);
  }
  const found = await evaluateAll(look, scale);
  if (found === undefined) return { currentReplicas };
  const { best, statuses } = found;
  const limited = limitScaling(history, {
    currentReplicas,
    wanted: best.replicas,
    minReplicas,
    maxReplicas,
    behavior: spec.behavior,
    now: cluster.clock.now(),
  });
  const { ability, limit, replicas } = limited;
  setCondition(look, "AbleToScale", "True", ability.reason, ability.message);
  setCondition(look, "ScalingLimited", limit.isLimited ? "True" : "False", limit.reason, limit.message);
  if (replicas === currentReplicas)
    return { currentReplicas, desiredReplicas: replicas, currentMetrics: statuses };
  const why = best.replicas > currentReplicas ? `${best.name} above target` : "All metrics below target";
  return rescale(look, kind, scale, history, replicas, why, statuses);
}

async function findScale({ cluster, autoscaler }: Look, objects: Pick<AllObjects, "find">) {
  const { apiVersion = "v1", kind: wanted, name } = autoscaler.spec.scaleTargetRef;
  const kind = scaledKind(objects, { apiVersion, kind: wanted, name });
  const scale = await readScale(cluster, kind, autoscaler.metadata.namespace, name);
  if (scale !== undefined) return { kind, scale };
  const resource = kind.group === "" ? `${kind.plural}/scale` : `${kind.plural}/scale.${kind.group}`;
  throw new Error(`${resource} ${JSON.stringify(name)} not found`);
}

/** The metric that asks for most, and the status of all; undefined when too little can be known to decide. */
async function evaluateAll(
  look: Look,
  scale: Scale,
): Promise<{ readonly best: MetricResult; readonly statuses: readonly object[] } | undefined> {
  const { cluster, autoscaler } = look;
  const { metrics = [], behavior } = autoscaler.spec;
  const { selector = "" } = scale.status;
  if (selector === "") {
    look.record("Warning", "SelectorRequired", "selector is required");
    const why = "the HPA target's scale is missing a selector";
    setCondition(look, "ScalingActive", "False", "InvalidSelector", why);
    return undefined;
  }
  const currentReplicas = scale.spec.replicas ?? 0;
  const question = {
    namespace: autoscaler.metadata.namespace ?? "",
    selector,
    currentReplicas,
    tolerances: { up: toleranceOf(behavior?.scaleUp), down: toleranceOf(behavior?.scaleDown) },
  };
  const results: MetricResult[] = [];
  const failures: MetricFailure[] = [];
  for (const metric of metrics) {
    try {
      results.push(await evaluateMetric(cluster, metric, question));
    } catch (reason) {
      if (!(reason instanceof MetricFailure)) throw reason;
      look.record("Warning", reason.reason, reason.message);
      failures.push(reason);
    }
  }
  const best = results.reduce<MetricResult | undefined>(
    (most, one) => (most === undefined || one.replicas > most.replicas ? one : most),
    undefined,
  );
  const [failure] = failures;
  // What the failed metrics would have asked for may be more than what is there.
  if (best === undefined || (failure !== undefined && best.replicas < currentReplicas)) {
    const why = failure?.message ?? "no metrics";
    setCondition(
      look,
      "ScalingActive",
      "False",
      failure?.reason ?? "InvalidMetricSourceType",
      `the HPA was unable to compute the replica count: ${why}`,
    );
    look.record(
      "Warning",
      "FailedComputeMetricsReplicas",
      `invalid metrics (${failures.length} invalid out of ${metrics.length}), first error is: ${failure?.context ?? ""}: ${why}`,
    );
    return undefined;
  }
  setCondition(
    look,
    "ScalingActive",
    "True",
    "ValidMetricFound",
    `the HPA was able to successfully calculate a replica count from ${best.name}`,
  );
  return { best, statuses: results.map(({ status }) => status) };
}

async function rescale(
  look: Look,
  kind: Kind<Scale>,
  scale: Scale,
  history: ScalingHistory,
  replicas: number,
  why: string,
  currentMetrics: AutoscalerStatus["currentMetrics"],
): Promise<Outcome> {
  const { cluster, autoscaler } = look;
  const currentReplicas = scale.spec.replicas ?? 0;
  try {
    await cluster.client.replace(kind, { ...scale, spec: { replicas } }, "scale");
  } catch (reason) {
    const message = messageOf(reason);
    look.record("Warning", "FailedRescale", `New size: ${replicas}; reason: ${why}; error: ${message}`);
    const said = `the HPA controller was unable to update the target scale: ${message}`;
    setCondition(look, "AbleToScale", "False", "FailedUpdateScale", said);
    return { currentReplicas };
  }
  const said = `the HPA controller was able to update the target scale to ${replicas}`;
  setCondition(look, "AbleToScale", "True", "SucceededRescale", said);
  look.record("Normal", "SuccessfulRescale", `New size: ${replicas}; reason: ${why}`);
  const { behavior } = autoscaler.spec;
  noteChange(history, { behavior, now: cluster.clock.now() }, replicas - currentReplicas);
  return {
    currentReplicas,
    desiredReplicas: replicas,
    currentMetrics: currentMetrics ?? null,
    lastScaleTime: cluster.timestamp(),
  };
}

async function writeStatus({ cluster, autoscaler, conditions }: Look, outcome: Outcome): Promise<void> {
  const before = autoscaler.status ?? { desiredReplicas: 0 };
  const status: AutoscalerStatus = { ...before, ...outcome, conditions };
  if (isEquivalent(status, autoscaler.status)) return;
  try {
    await cluster.replace(autoscalers, { ...autoscaler, status }, "status");
  } catch (reason) {
    // Changed or deleted meanwhile: the change brings the next look.
    if (!isApiError(reason, 409) && !isApiError(reason, 404)) throw reason;
  }
}

function setCondition(
  look: Look,
  type: string,
  status: "True" | "False",
  reason: string,
  message: string,
): void {
  const lastTransitionTime = look.cluster.timestamp();
  look.conditions = withMessage(look.conditions, { type, status, reason, message, lastTransitionTime });
}

function toleranceOf(rules: ScalingRules | undefined): number {
  const quantity = rules?.tolerance === undefined ? undefined : parseQuantity(rules.tolerance);
  return quantity === undefined ? usualTolerance : Number(quantity.unscaled) / 10 ** quantity.scale;
}

function messageOf(reason: unknown): string {
  return reason instanceof Error ? reason.message : String(reason);
}
