import {
  type ForeignCluster,
  type ForeignClusterCondition,
  kubeTime,
  type LiqoCondition,
  type NamespaceOffloading,
  type OffloadingPhase,
  type RemoteNamespaceCondition,
  type ResourceSlice,
  type ResourceSliceCondition,
  type VirtualNode,
  type VirtualNodeCondition,
} from "../../kube/index.ts";
import type { Grant } from "./grant-resources.ts";

/** Gives conditions the time of their last change: that of before, as long as the status is the same. */
function timed<C extends LiqoCondition>(
  conditions: readonly C[],
  before: readonly C[] | undefined,
  now: number,
): readonly C[] {
  return conditions.map((condition) => {
    const known = before?.find(({ type }) => type === condition.type);
    const since = known?.status === condition.status ? known.lastTransitionTime : undefined;
    return { ...condition, lastTransitionTime: since ?? kubeTime(now) };
  });
}

/** What a cluster says of the other one of a peering. */
export function foreignClusterStatus(
  foreign: ForeignCluster,
  facts: {
    readonly role: "Consumer" | "Provider";
    readonly isReachable: boolean;
    /** Whether the node of the other cluster is there, seen from a consumer. */
    readonly hasNode: boolean;
    readonly tenantNamespace: string | undefined;
    readonly now: number;
  },
): NonNullable<ForeignCluster["status"]> {
  const { role, isReachable, hasNode, tenantNamespace, now } = facts;
  const other = foreign.spec.clusterID;
  const before = foreign.status;
  const link = isReachable ? "Established" : "Error";
  const why = isReachable
    ? { reason: "Reachable", message: `${other} answers` }
    : { reason: "Unreachable", message: `${other} does not answer` };
  const conditions = (
    list: readonly ForeignClusterCondition[],
    known: readonly ForeignClusterCondition[] | undefined,
  ) => timed(list, known, now);
  const node = isReachable && hasNode ? "Ready" : "NotReady";
  const isProvider = role === "Provider";
  return {
    role,
    ...(tenantNamespace === undefined ? {} : { tenantNamespace: { local: tenantNamespace } }),
    conditions: conditions([{ type: "APIServerStatus", status: link, ...why }], before?.conditions),
    modules: {
      networking: {
        enabled: true,
        conditions: conditions(
          [{ type: "NetworkConnectionStatus", status: link, ...why }],
          before?.modules?.networking.conditions,
        ),
      },
      authentication: {
        enabled: true,
        conditions: conditions(
          [
            {
              type: isProvider ? "AuthIdentityControlPlaneStatus" : "AuthTenantStatus",
              status: link,
              ...why,
            },
          ],
          before?.modules?.authentication.conditions,
        ),
      },
      offloading: {
        enabled: true,
        conditions: isProvider
          ? conditions(
              [
                { type: "OffloadingVirtualNodeStatus", status: node },
                { type: "OffloadingNodeStatus", status: node },
              ],
              before?.modules?.offloading.conditions,
            )
          : [],
      },
    },
  };
}

/** What the provider grants of what a slice asks for. A request beyond its means is cut to them, and said to be. */
export function resourceSliceStatus(
  slice: ResourceSlice,
  grant: Grant,
  nodeLabels: Readonly<Record<string, string>>,
  now: number,
): NonNullable<ResourceSlice["status"]> {
  const asked = Object.keys(slice.spec?.resources ?? {});
  const isCut = grant.shortfalls.length > 0;
  const conditions: readonly ResourceSliceCondition[] = [
    {
      type: "Authentication",
      status: "Accepted",
      reason: "ResourceSliceAuthenticationAccepted",
      message: "the consumer is known",
    },
    {
      type: "Resources",
      status: "Accepted",
      reason: isCut ? "ResourceSliceResourcesReduced" : "ResourceSliceResourcesAccepted",
      message: isCut ? grant.shortfalls.join("; ") : "everything asked for is granted",
    },
  ];
  return {
    conditions: timed(conditions, slice.status?.conditions, now),
    resources: Object.fromEntries(asked.map((name) => [name, grant.resources[name] ?? "0"])),
    nodeLabels,
  };
}

export function virtualNodeStatus(
  virtualNode: VirtualNode,
  facts: { readonly hasNode: boolean; readonly now: number },
): NonNullable<VirtualNode["status"]> {
  const conditions: readonly VirtualNodeCondition[] = [
    { type: "VirtualKubelet", status: "Running" },
    { type: "Node", status: facts.hasNode ? "Running" : "Creating" },
  ];
  return { conditions: timed(conditions, virtualNode.status?.conditions, facts.now) };
}

/** How a namespace stands in one of the clusters that were selected for it. */
export interface RemoteNamespaceState {
  readonly cluster: string;
  /** undefined: not known yet. */
  readonly isReady: boolean | undefined;
  /** CamelCase */
  readonly reason: string;
  readonly message: string;
}

export function namespaceOffloadingStatus(
  offloading: NamespaceOffloading,
  states: readonly RemoteNamespaceState[],
  now: number,
): NonNullable<NamespaceOffloading["status"]> {
  const { name, namespace = "", generation } = offloading.metadata;
  const before = offloading.status?.remoteNamespacesConditions;
  const conditions = states.map(({ cluster, isReady, reason, message }) => {
    const list: readonly RemoteNamespaceCondition[] = [
      { type: "OffloadingRequired", status: "True", reason: "ClusterSelected", message: `by ${name}` },
      {
        type: "Ready",
        status: isReady === undefined ? "Unknown" : isReady ? "True" : "False",
        reason,
        message,
      },
    ];
    return [cluster, timed(list, before?.[cluster], now)] as const;
  });
  return {
    ...(generation === undefined ? {} : { observedGeneration: generation }),
    offloadingPhase: phaseOf(offloading, states),
    remoteNamespaceName: namespace,
    remoteNamespacesConditions: Object.fromEntries(conditions),
  };
}

function phaseOf(
  { metadata }: NamespaceOffloading,
  states: readonly RemoteNamespaceState[],
): OffloadingPhase {
  if (metadata.deletionTimestamp !== undefined) return "Terminating";
  if (states.length === 0) return "NoClusterSelected";
  const failed = states.filter(({ isReady }) => isReady === false);
  if (failed.length === states.length) return "AllFailed";
  if (failed.length > 0) return "SomeFailed";
  return states.every(({ isReady }) => isReady === true) ? "Ready" : "InProgress";
}
