import { arch, release } from "node:os";
import { type Clock, createRetry, type Logger, pause } from "../base/index.ts";
import { type KubeClient, kinds, kubeTime, type Node, renewNodeLease } from "../kube/index.ts";
import type { NodeSpec } from "./contracts.ts";

/** What a node has unless its spec says more: enough for the meshes of a laptop not to fail for want of CPU. */
const defaultCapacity: Readonly<Record<string, string>> = {
  cpu: "32",
  memory: "64Gi",
  pods: "250",
  "ephemeral-storage": "100Gi",
  "hugepages-1Gi": "0",
  "hugepages-2Mi": "0",
};

/** How often a node says that it lives, in milliseconds: Kubernetes' own. */
const heartbeat = 10_000;

/** What a node can give to pods, by resource. */
export function nodeCapacity({ capacity }: NodeSpec): Readonly<Record<string, string>> {
  return { ...defaultCapacity, ...capacity };
}

export interface NodeKeeperOptions {
  readonly client: KubeClient;
  readonly kubernetesVersion: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

/** Registers the node, keeping labels and taints that users gave it, and resolves when the API has it as ready. */
export async function registerNode(spec: NodeSpec, options: NodeKeeperOptions): Promise<Node> {
  const { client, clock, log, signal } = options;
  const retry = createRetry(clock, { first: 20, most: 2000 });
  for (;;) {
    signal.throwIfAborted();
    try {
      const labels = { ...usualLabels(spec), ...spec.labels };
      const present = await client.get(kinds.nodes, spec.name);
      if (present === undefined) {
        await client.create(kinds.nodes, {
          apiVersion: "v1",
          kind: "Node",
          metadata: { name: spec.name, labels },
          spec: {},
        });
      } else {
        await client.patch(kinds.nodes, spec.name, { metadata: { labels } }, { type: "merge" });
      }
      const status = nodeStatus(spec, options, present);
      return await client.patch(
        kinds.nodes,
        spec.name,
        { status },
        { type: "strategic", subresource: "status" },
      );
    } catch (reason) {
      log.debug({ node: spec.name, reason: String(reason) }, "node not registered, trying again");
      await retry.wait(signal);
    }
  }
}

/** Renews the node's lease until `signal` aborts, at once and then every ten seconds. */
export async function keepLease(node: Node, options: NodeKeeperOptions): Promise<void> {
  const { client, clock, log, signal } = options;
  const retry = createRetry(clock, { first: 100, most: heartbeat });
  while (!signal.aborted) {
    try {
      await renewNodeLease(client, node, clock.now());
      retry.reset();
      await pause(clock, heartbeat, signal);
    } catch (reason) {
      log.debug({ node: node.metadata.name, reason: String(reason) }, "lease not renewed, trying again");
      await retry.wait(signal);
    }
  }
}

function usualLabels({ name }: NodeSpec): Readonly<Record<string, string>> {
  const architecture = kubeArchitecture();
  return {
    "beta.kubernetes.io/arch": architecture,
    "beta.kubernetes.io/os": "linux",
    "kubernetes.io/arch": architecture,
    "kubernetes.io/hostname": name,
    "kubernetes.io/os": "linux",
  };
}

function kubeArchitecture(): string {
  return arch() === "x64" ? "amd64" : arch();
}

function nodeStatus(
  spec: NodeSpec,
  { clock, kubernetesVersion }: NodeKeeperOptions,
  present: Node | undefined,
): NonNullable<Node["status"]> {
  const now = kubeTime(clock.now());
  const condition = (type: string, status: "True" | "False", reason: string, message: string) => {
    const before = present?.status?.conditions?.find((candidate) => candidate.type === type);
    const lastTransitionTime = before?.status === status ? (before.lastTransitionTime ?? now) : now;
    return { type, status, lastHeartbeatTime: now, lastTransitionTime, reason, message };
  };
  const capacity = nodeCapacity(spec);
  const version = `v${kubernetesVersion.replace(/^v/, "")}`;
  return {
    addresses: [
      { type: "InternalIP", address: spec.address },
      { type: "Hostname", address: spec.name },
    ],
    capacity,
    allocatable: capacity,
    conditions: [
      condition(
        "MemoryPressure",
        "False",
        "KubeletHasSufficientMemory",
        "kubelet has sufficient memory available",
      ),
      condition("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
      condition("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
      condition("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
    ],
    nodeInfo: {
      machineID: spec.name,
      systemUUID: spec.name,
      bootID: spec.name,
      kernelVersion: release(),
      osImage: "isthmus (pods are stand-ins)",
      containerRuntimeVersion: `isthmus://${version}`,
      kubeletVersion: version,
      kubeProxyVersion: version,
      operatingSystem: "linux",
      architecture: kubeArchitecture(),
    },
  };
}
