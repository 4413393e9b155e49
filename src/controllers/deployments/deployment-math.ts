import type { Deployment, ReplicaSet } from "../../kube/index.ts";
import { intOrPercent } from "../core/int-or-percent.ts";

/** Deployments and ReplicaSets carry numbers for each other in these annotations, as Kubernetes' own do. */
export const annotations = {
  revision: "deployment.kubernetes.io/revision",
  revisionHistory: "deployment.kubernetes.io/revision-history",
  desiredReplicas: "deployment.kubernetes.io/desired-replicas",
  maxReplicas: "deployment.kubernetes.io/max-replicas",
} as const;

export const podTemplateHash = "pod-template-hash";

/** Replicas that the Deployment wants; 1 when it doesn't say. */
export function wantedReplicas(deployment: Deployment): number {
  return deployment.spec.replicas ?? 1;
}

export function isRolling(deployment: Deployment): boolean {
  return (deployment.spec.strategy?.type ?? "RollingUpdate") === "RollingUpdate";
}

/**
 * How many pods a rolling update may have too many, and too few. Percentages round up for the surge and down for
 * the rest; both 0 would never move, so then one may be unavailable.
 */
export function rollingLimits(deployment: Deployment): {
  readonly maxSurge: number;
  readonly maxUnavailable: number;
} {
  const total = wantedReplicas(deployment);
  if (!isRolling(deployment)) return { maxSurge: 0, maxUnavailable: 0 };
  const { maxSurge = "25%", maxUnavailable = "25%" } = deployment.spec.strategy?.rollingUpdate ?? {};
  const surge = intOrPercent(maxSurge, total, "up") ?? 0;
  const unavailable = intOrPercent(maxUnavailable, total, "down") ?? 0;
  return {
    maxSurge: surge,
    maxUnavailable: Math.min(total, surge === 0 && unavailable === 0 ? 1 : unavailable),
  };
}

export function specReplicas(sets: readonly ReplicaSet[]): number {
  return sets.reduce((sum, { spec }) => sum + (spec.replicas ?? 1), 0);
}

export function actualReplicas(sets: readonly ReplicaSet[]): number {
  return sets.reduce((sum, { status }) => sum + (status?.replicas ?? 0), 0);
}

export function availableReplicas(sets: readonly ReplicaSet[]): number {
  return sets.reduce((sum, { status }) => sum + (status?.availableReplicas ?? 0), 0);
}

export function revisionOf({ metadata }: Pick<ReplicaSet, "metadata">): number {
  return Number(metadata.annotations?.[annotations.revision] ?? 0) || 0;
}

export function isOlderSet(a: ReplicaSet, b: ReplicaSet): number {
  const byTime =
    Date.parse(a.metadata.creationTimestamp ?? "") - Date.parse(b.metadata.creationTimestamp ?? "");
  return byTime || a.metadata.name.localeCompare(b.metadata.name);
}

/** How many replicas the new ReplicaSet may have now, given all that there are. */
export function newSetReplicas(
  deployment: Deployment,
  all: readonly ReplicaSet[],
  newReplicas: number,
): number {
  const wanted = wantedReplicas(deployment);
  if (!isRolling(deployment)) return wanted;
  const room = wanted + rollingLimits(deployment).maxSurge - specReplicas(all);
  return room <= 0 ? newReplicas : newReplicas + Math.min(room, wanted - newReplicas);
}

/**
 * Sizes after a Deployment in the middle of a rollout was scaled: each active ReplicaSet takes its share of the
 * difference, the largest first, and the first one what rounding leaves over.
 */
export function proportionalSizes(
  deployment: Deployment,
  active: readonly ReplicaSet[],
): readonly { readonly set: ReplicaSet; readonly replicas: number }[] {
  const wanted = wantedReplicas(deployment);
  const allowed = wanted > 0 ? wanted + rollingLimits(deployment).maxSurge : 0;
  const toAdd = allowed - specReplicas(active);
  // The newer one of equals grows first, and shrinks last.
  const sorted = [...active].sort(
    (a, b) =>
      (b.spec.replicas ?? 1) - (a.spec.replicas ?? 1) || (toAdd > 0 ? isOlderSet(b, a) : isOlderSet(a, b)),
  );
  let added = 0;
  const sizes = sorted.map((set) => {
    const replicas = set.spec.replicas ?? 1;
    const share = proportion(deployment, set, toAdd, added);
    added += share;
    return { set, replicas: replicas + share };
  });
  return sizes.map(({ set, replicas }, i) => ({
    set,
    replicas: Math.max(0, i === 0 && toAdd !== 0 ? replicas + toAdd - added : replicas),
  }));
}

function proportion(deployment: Deployment, set: ReplicaSet, toAdd: number, added: number): number {
  const replicas = set.spec.replicas ?? 1;
  if (replicas === 0 || toAdd === 0 || toAdd === added) return 0;
  const share = fairShare(deployment, set, replicas);
  return toAdd > 0 ? Math.min(share, toAdd - added) : Math.max(share, toAdd - added);
}

function fairShare(deployment: Deployment, { metadata }: ReplicaSet, replicas: number): number {
  const wanted = wantedReplicas(deployment);
  if (wanted === 0) return -replicas;
  const before = Number(metadata.annotations?.[annotations.maxReplicas]) || deployment.status?.replicas || 0;
  if (before === 0) return 0;
  return Math.round((replicas * (wanted + rollingLimits(deployment).maxSurge)) / before) - replicas;
}
