import { isApiError } from "./api-error.ts";
import type { KubeClient } from "./client.ts";
import { kinds } from "./kinds.ts";
import type { Node } from "./types.ts";

const leaseNamespace = "kube-node-lease";
/** For how long a lease holds, in seconds: Kubernetes' own. */
const leaseSeconds = 40;

/** Says in the node's Lease that it lives, `now` milliseconds since 1970; makes the Lease when there is none. */
export async function renewNodeLease(client: KubeClient, node: Node, now: number): Promise<void> {
  const { name, uid } = node.metadata;
  const renewTime = new Date(now).toISOString().replace("Z", "000Z");
  const spec = { holderIdentity: name, leaseDurationSeconds: leaseSeconds, renewTime };
  try {
    await client.patch(kinds.leases, name, { spec }, { type: "merge", namespace: leaseNamespace });
  } catch (reason) {
    if (!isApiError(reason, 404)) throw reason;
    const owner = { apiVersion: "v1", kind: "Node", name, uid: uid ?? "" };
    await client.create(kinds.leases, {
      apiVersion: "coordination.k8s.io/v1",
      kind: "Lease",
      metadata: { name, namespace: leaseNamespace, ownerReferences: [owner] },
      spec,
    });
  }
}
