import { type Condition, kubeTime, type Node, type VirtualNode } from "../../kube/index.ts";
import { nodeTypeLabel, remoteClusterLabel, virtualNodeTaint, virtualNodeType } from "./marks.ts";

/** What is known of the provider of a virtual node. */
export interface ProviderFacts {
  readonly provider: string;
  /** Whether its API server answers. */
  readonly isReachable: boolean;
  /** Its nodes that run pods. */
  readonly nodes: readonly Node[];
  /** By resource. */
  readonly granted: Readonly<Record<string, string>>;
  /** Milliseconds since 1970. */
  readonly now: number;
}

const topologyLabels = ["topology.kubernetes.io/region", "topology.kubernetes.io/zone"] as const;

/**
 * The node at home that stands for a provider. It has no address: nothing listens for it here, its pods are reached by
 * their own. Region and zone are those of the provider's nodes, where these agree, since locality load balancing knows a
 * pod's place by its node; labels of the VirtualNode win.
 */
export function virtualNodeObject(
  virtualNode: VirtualNode,
  facts: ProviderFacts,
  present?: Node,
): Node & { readonly status: NonNullable<Node["status"]> } {
  const { name } = virtualNode.metadata;
  const { labels, annotations, taints = [] } = virtualNode.spec ?? {};
  return {
    apiVersion: "v1",
    kind: "Node",
    metadata: {
      name,
      labels: {
        ...commonLabels(facts.nodes),
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        "kubernetes.io/role": "agent",
        "node.kubernetes.io/exclude-from-external-load-balancers": "true",
        ...labels,
        [nodeTypeLabel]: virtualNodeType,
        [remoteClusterLabel]: facts.provider,
      },
      ...(annotations === undefined ? {} : { annotations }),
    },
    spec: { taints: [virtualNodeTaint, ...taints] },
    status: nodeStatus(name, facts, present),
  };
}

/** The places of the nodes as far as all of them say the same, and their architecture. */
function commonLabels(nodes: readonly Node[]): Readonly<Record<string, string>> {
  const [first, ...others] = nodes;
  return Object.fromEntries(
    [...topologyLabels, "kubernetes.io/arch"].flatMap((label) => {
      const value = first?.metadata.labels?.[label];
      const isCommon = others.every(({ metadata }) => metadata.labels?.[label] === value);
      return value === undefined || !isCommon ? [] : [[label, value] as const];
    }),
  );
}

function nodeStatus(name: string, facts: ProviderFacts, present: Node | undefined) {
  const { provider, isReachable, granted, nodes } = facts;
  const condition = (
    type: string,
    status: Condition["status"],
    reason: string,
    message: string,
  ): Condition => {
    const before = present?.status?.conditions?.find((one) => one.type === type);
    const since = before?.status === status ? before.lastTransitionTime : undefined;
    return { type, status, reason, message, lastTransitionTime: since ?? kubeTime(facts.now) };
  };
  const ready = isReachable
    ? condition("Ready", "True", "KubeletReady", `the API server of ${provider} answers`)
    : condition("Ready", "Unknown", "NodeStatusUnknown", `the API server of ${provider} does not answer`);
  const nodeInfo = nodes[0]?.status?.nodeInfo ?? present?.status?.nodeInfo;
  return {
    addresses: [{ type: "Hostname", address: name }],
    capacity: granted,
    allocatable: granted,
    conditions: [
      condition("MemoryPressure", "False", "KubeletHasSufficientMemory", `within what ${provider} grants`),
      condition("DiskPressure", "False", "KubeletHasNoDiskPressure", `within what ${provider} grants`),
      condition("PIDPressure", "False", "KubeletHasSufficientPID", `within what ${provider} grants`),
      condition("NetworkUnavailable", "False", "NetworkAvailable", `pods of ${provider} are reached by IP`),
      ready,
    ],
    ...(nodeInfo === undefined ? {} : { nodeInfo }),
  };
}
