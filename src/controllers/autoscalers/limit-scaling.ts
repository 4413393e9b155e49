import type { ScalingRules } from "./autoscaler.ts";

/** What an autoscaler remembers from one look to the next. Times in milliseconds. */
export interface ScalingHistory {
  recommendations: readonly { readonly replicas: number; readonly at: number }[];
  /** Changes of the replica count, negative when there were fewer. */
  changes: readonly { readonly by: number; readonly at: number }[];
}

export interface ScalingRequest {
  readonly currentReplicas: number;
  /** What the metrics ask for. */
  readonly wanted: number;
  readonly minReplicas: number;
  readonly maxReplicas: number;
  readonly behavior: { readonly scaleUp?: ScalingRules; readonly scaleDown?: ScalingRules } | undefined;
  readonly now: number;
}

/** A reason and a message as conditions have them. */
interface Remark {
  readonly reason: string;
  readonly message: string;
}

export interface LimitedScaling {
  readonly replicas: number;
  /** For the condition AbleToScale. */
  readonly ability: Remark;
  /** For the condition ScalingLimited. */
  readonly limit: Remark & { readonly isLimited: boolean };
}

/** How long a recommendation keeps replicas from becoming fewer, unless the autoscaler says otherwise, in seconds. */
const usualScaleDownWindow = 300;
/** Without a behavior replicas at most double at once, and may always become this many. */
const growthAtOnce = 2;
const alwaysAllowed = 4;

const within: Remark = {
  reason: "DesiredWithinRange",
  message: "the desired count is within the acceptable range",
};
const tooMany: Remark = {
  reason: "TooManyReplicas",
  message: "the desired replica count is more than the maximum replica count",
};
const tooFew: Remark = {
  reason: "TooFewReplicas",
  message: "the desired replica count is less than the minimum replica count",
};
const growsTooFast: Remark = {
  reason: "ScaleUpLimit",
  message: "the desired replica count is increasing faster than the maximum scale rate",
};
const shrinksTooFast: Remark = {
  reason: "ScaleDownLimit",
  message: "the desired replica count is decreasing faster than the maximum scale rate",
};

/** A history that begins with the replicas that are there: they count as recommended. */
export function startHistory(currentReplicas: number, now: number): ScalingHistory {
  return { recommendations: [{ replicas: currentReplicas, at: now }], changes: [] };
}

/** Holds what the metrics ask for to the autoscaler's windows, policies and bounds, and remembers it in `history`. */
export function limitScaling(history: ScalingHistory, request: ScalingRequest): LimitedScaling {
  const { wanted, behavior } = request;
  const stabilized = stabilize(history, request);
  const ability =
    stabilized === wanted
      ? { reason: "ReadyForNewScale", message: "recommended size matches current size" }
      : wanted >= request.currentReplicas && behavior !== undefined
        ? {
            reason: "ScaleUpStabilized",
            message:
              "recent recommendations were lower than current one, applying the lowest recent recommendation",
          }
        : {
            reason: "ScaleDownStabilized",
            message:
              "recent recommendations were higher than current one, applying the highest recent recommendation",
          };
  const [replicas, remark] =
    behavior === undefined ? plainly(stabilized, request) : byPolicies(stabilized, history, request);
  return { replicas, ability, limit: { ...remark, isLimited: replicas !== stabilized } };
}

/** Notes that replicas were changed, for the policies of later looks. */
export function noteChange(
  history: ScalingHistory,
  { behavior, now }: Pick<ScalingRequest, "behavior" | "now">,
  by: number,
): void {
  const periods = [behavior?.scaleUp, behavior?.scaleDown].flatMap(
    (rules) => rules?.policies?.map(({ periodSeconds }) => periodSeconds) ?? [],
  );
  const longest = Math.max(0, ...periods) * 1000;
  history.changes = [...history.changes.filter(({ at }) => at >= now - longest), { by, at: now }];
}

/** The recommendation that was most cautious within the window of the direction. */
function stabilize(history: ScalingHistory, request: ScalingRequest): number {
  const { wanted, currentReplicas, behavior, now } = request;
  const up = (behavior?.scaleUp?.stabilizationWindowSeconds ?? 0) * 1000;
  const down = (behavior?.scaleDown?.stabilizationWindowSeconds ?? usualScaleDownWindow) * 1000;
  // Without a behavior every recommendation may hold replicas up, and none down.
  const growing = behavior !== undefined && wanted >= currentReplicas;
  const cutoff = now - (growing ? up : down);
  const recent = history.recommendations.filter(({ at }) => at > cutoff).map(({ replicas }) => replicas);
  history.recommendations = [
    ...history.recommendations.filter(({ at }) => at >= now - Math.max(up, down)),
    { replicas: wanted, at: now },
  ];
  return growing ? Math.min(wanted, ...recent) : Math.max(wanted, ...recent);
}

function plainly(wanted: number, request: ScalingRequest): [number, Remark] {
  const { currentReplicas, minReplicas, maxReplicas } = request;
  const most = Math.max(growthAtOnce * currentReplicas, alwaysAllowed);
  if (wanted < minReplicas) return [minReplicas, tooFew];
  if (wanted > Math.min(most, maxReplicas))
    return maxReplicas > most ? [most, growsTooFast] : [maxReplicas, tooMany];
  return [wanted, within];
}

function byPolicies(wanted: number, history: ScalingHistory, request: ScalingRequest): [number, Remark] {
  const { currentReplicas, minReplicas, maxReplicas, behavior, now } = request;
  if (wanted > currentReplicas) {
    const most = Math.max(currentReplicas, mostReplicas(behavior?.scaleUp, currentReplicas, history, now));
    if (wanted > Math.min(most, maxReplicas))
      return maxReplicas > most ? [most, growsTooFast] : [maxReplicas, tooMany];
  } else if (wanted < currentReplicas) {
    const least = Math.min(
      currentReplicas,
      fewestReplicas(behavior?.scaleDown, currentReplicas, history, now),
    );
    if (wanted < Math.max(least, minReplicas))
      return minReplicas < least ? [least, shrinksTooFast] : [minReplicas, tooFew];
  }
  return [wanted, within];
}

function mostReplicas(
  rules: ScalingRules | undefined,
  currentReplicas: number,
  history: ScalingHistory,
  now: number,
): number {
  const { selectPolicy = "Max", policies = [] } = rules ?? {};
  if (selectPolicy === "Disabled") return currentReplicas;
  const proposals = policies.map(({ type, value, periodSeconds }) => {
    const before = currentReplicas - changedWithin(history, periodSeconds, now, 1);
    // Rounded up: a small percentage must not keep a small number where it is for ever.
    return type === "Percent" ? Math.ceil(before * (1 + value / 100)) : before + value;
  });
  if (proposals.length === 0) return currentReplicas;
  return selectPolicy === "Min" ? Math.min(...proposals) : Math.max(...proposals);
}

function fewestReplicas(
  rules: ScalingRules | undefined,
  currentReplicas: number,
  history: ScalingHistory,
  now: number,
): number {
  const { selectPolicy = "Max", policies = [] } = rules ?? {};
  if (selectPolicy === "Disabled") return currentReplicas;
  const proposals = policies.map(({ type, value, periodSeconds }) => {
    const before = currentReplicas + changedWithin(history, periodSeconds, now, -1);
    return type === "Percent" ? Math.trunc(before * (1 - value / 100)) : before - value;
  });
  if (proposals.length === 0) return currentReplicas;
  return selectPolicy === "Min" ? Math.max(...proposals) : Math.min(...proposals);
}

/** How many replicas came (1) or went (-1) within the period. */
function changedWithin(
  { changes }: ScalingHistory,
  periodSeconds: number,
  now: number,
  direction: 1 | -1,
): number {
  return changes
    .filter(({ at, by }) => at > now - periodSeconds * 1000 && Math.sign(by) === direction)
    .reduce((sum, { by }) => sum + Math.abs(by), 0);
}
