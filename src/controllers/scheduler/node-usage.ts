import type { Node, Pod } from "../../kube/index.ts";
import { controllerOf } from "../core/owners.ts";
import { isFinished } from "../core/pods.ts";
import type { Store } from "../core/store.ts";
import { type Amounts, add, podRequests } from "./resource-requests.ts";

/** What the pods of a node have taken of it. */
export interface NodeUse {
  readonly pods: number;
  readonly requested: Amounts;
  /** How many pods of each controller, by its uid. */
  readonly siblings: ReadonlyMap<string, number>;
  /** Taken host ports, as "TCP/8080". */
  readonly hostPorts: ReadonlySet<string>;
}

/**
 * Use by node name, kept true with the pods. A pod just bound counts at once: the next pod must not be told that
 * the place is free because the watch has not confirmed it yet.
 */
export interface NodeUsage {
  of(node: Node): NodeUse;
  /** Counts the pod on the node from now on. */
  assume(pod: Pod, node: string): void;
  /** Takes that back, when binding failed. */
  forget(pod: Pod): void;
}

interface Placement {
  readonly node: string;
  readonly requests: Amounts;
  readonly owner: string | undefined;
  readonly ports: readonly string[];
}

interface MutableUse {
  pods: number;
  readonly requested: Map<string, number>;
  readonly siblings: Map<string, number>;
  readonly hostPorts: Set<string>;
}

const unused: NodeUse = { pods: 0, requested: new Map(), siblings: new Map(), hostPorts: new Set() };

export function createNodeUsage(pods: Store<Pod>): NodeUsage {
  const placements = new Map<string, Placement>();
  const uses = new Map<string, MutableUse>();

  const place = (uid: string, placement: Placement) => {
    placements.set(uid, placement);
    let use = uses.get(placement.node);
    if (use === undefined) {
      use = { pods: 0, requested: new Map(), siblings: new Map(), hostPorts: new Set() };
      uses.set(placement.node, use);
    }
    use.pods++;
    add(use.requested, placement.requests);
    if (placement.owner !== undefined)
      use.siblings.set(placement.owner, (use.siblings.get(placement.owner) ?? 0) + 1);
    for (const port of placement.ports) use.hostPorts.add(port);
  };
  const unplace = (uid: string) => {
    const placement = placements.get(uid);
    const use = placement && uses.get(placement.node);
    if (placement === undefined || use === undefined) return;
    placements.delete(uid);
    use.pods--;
    if (use.pods === 0) {
      uses.delete(placement.node);
      return;
    }
    add(use.requested, placement.requests, -1);
    if (placement.owner !== undefined)
      use.siblings.set(placement.owner, (use.siblings.get(placement.owner) ?? 1) - 1);
    for (const port of placement.ports) use.hostPorts.delete(port);
  };
  const put = (pod: Pod, node: string) => {
    const { uid = "" } = pod.metadata;
    unplace(uid);
    const requests = podRequests(pod.spec);
    place(uid, { node, requests, owner: controllerOf(pod)?.uid, ports: hostPorts(pod) });
  };
  pods.subscribe(({ type, object }) => {
    const { nodeName = "" } = object.spec;
    const { uid = "" } = object.metadata;
    if (type === "deleted" || isFinished(object)) unplace(uid);
    else if (nodeName !== "" && placements.get(uid)?.node !== nodeName) put(object, nodeName);
  });
  return {
    of: (node) => uses.get(node.metadata.name) ?? unused,
    assume: put,
    forget: ({ metadata: { uid = "" } }) => unplace(uid),
  };
}

/** The host ports that the pod's containers ask for, as "TCP/8080". */
export function hostPorts({ spec }: Pod): readonly string[] {
  return spec.containers.flatMap(({ ports = [] }) =>
    ports.flatMap(({ hostPort, protocol = "TCP" }) =>
      hostPort === undefined || hostPort === 0 ? [] : [`${protocol}/${hostPort}`],
    ),
  );
}
