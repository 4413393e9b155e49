import {
  forbiddingTaint,
  isWantedNode,
  type Kind,
  type KubeObject,
  type LabelSelector,
  type Node,
  type Pod,
  type PodTemplate,
} from "../../kube/index.ts";
import { intOrPercent } from "../core/int-or-percent.ts";

/** Kubernetes apps/v1 DaemonSet, the fields that are read or written here. */
export interface DaemonSet extends KubeObject {
  readonly spec: {
    readonly selector: LabelSelector;
    readonly template: PodTemplate;
    readonly updateStrategy?: {
      readonly type?: string;
      readonly rollingUpdate?: { readonly maxUnavailable?: number | string };
    };
    readonly minReadySeconds?: number;
    readonly revisionHistoryLimit?: number;
  };
  readonly status?: {
    readonly observedGeneration?: number;
    readonly currentNumberScheduled: number;
    readonly desiredNumberScheduled: number;
    readonly numberMisscheduled: number;
    readonly numberReady: number;
    readonly numberAvailable?: number;
    readonly numberUnavailable?: number;
    readonly updatedNumberScheduled?: number;
    readonly collisionCount?: number;
  };
}

export const daemonSets: Kind<DaemonSet> = {
  group: "apps",
  version: "v1",
  kind: "DaemonSet",
  plural: "daemonsets",
  namespaced: true,
};

/** A daemon's pod stays on a node in trouble; these tolerations Kubernetes gives every one of them. */
const tolerations = [
  { key: "node.kubernetes.io/not-ready", operator: "Exists", effect: "NoExecute" },
  { key: "node.kubernetes.io/unreachable", operator: "Exists", effect: "NoExecute" },
  { key: "node.kubernetes.io/disk-pressure", operator: "Exists", effect: "NoSchedule" },
  { key: "node.kubernetes.io/memory-pressure", operator: "Exists", effect: "NoSchedule" },
  { key: "node.kubernetes.io/pid-pressure", operator: "Exists", effect: "NoSchedule" },
  { key: "node.kubernetes.io/unschedulable", operator: "Exists", effect: "NoSchedule" },
] as const;

const hostNetworkToleration = {
  key: "node.kubernetes.io/network-unavailable",
  operator: "Exists",
  effect: "NoSchedule",
} as const;

/** The pod as it would run on the node: with the tolerations, and an affinity to that node alone. */
export function daemonPod(pod: Pod, node: Node): Pod {
  const { spec } = pod;
  const affinity = spec.affinity as { readonly nodeAffinity?: Readonly<Record<string, unknown>> } | undefined;
  const matchFields = [{ key: "metadata.name", operator: "In", values: [node.metadata.name] }];
  return {
    ...pod,
    spec: {
      ...spec,
      tolerations: [
        ...(spec.tolerations ?? []),
        ...tolerations,
        ...(spec.hostNetwork === true ? [hostNetworkToleration] : []),
      ],
      affinity: {
        ...affinity,
        nodeAffinity: {
          ...affinity?.nodeAffinity,
          requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchFields }] },
        },
      },
    },
  };
}

/** The node that a daemon's pod runs on or is meant for. */
export function nodeOf({ spec }: Pod): string | undefined {
  if (spec.nodeName !== undefined && spec.nodeName !== "") return spec.nodeName;
  const affinity = spec.affinity as
    | {
        readonly nodeAffinity?: {
          readonly requiredDuringSchedulingIgnoredDuringExecution?: {
            readonly nodeSelectorTerms?: readonly {
              readonly matchFields?: readonly { readonly values?: readonly string[] }[];
            }[];
          };
        };
      }
    | undefined;
  const terms = affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
  return terms?.[0]?.matchFields?.[0]?.values?.[0];
}

/** Whether a pod is to run on the node, and whether one that runs there may stay. */
export function judgeNode(
  template: Pod,
  node: Node,
): { readonly shouldRun: boolean; readonly mayStay: boolean } {
  if (!isWantedNode(template, node)) return { shouldRun: false, mayStay: false };
  const taint = forbiddingTaint(daemonPod(template, node), node);
  return { shouldRun: taint === undefined, mayStay: taint === undefined || taint.effect !== "NoExecute" };
}

/** How many daemons an update may take away at a time; at least one, or it would never move. */
export function maxUnavailable({ spec }: DaemonSet, nodes: number): number {
  const { maxUnavailable: asked = 1 } = spec.updateStrategy?.rollingUpdate ?? {};
  return Math.max(1, intOrPercent(asked, nodes, "up") ?? 1);
}
