import { isApiError, kinds, type Namespace } from "../../kube/index.ts";
import type { Cluster } from "../core/cluster.ts";
import { runReconciler, type StartController } from "../core/controller.ts";

/** Keeps a service account called "default" in every namespace, as pods need one to be created. */
export const startDefaultServiceAccounts: StartController = (cluster) => {
  const namespaces = cluster.store(kinds.namespaces);
  const accounts = cluster.store(kinds.serviceAccounts);
  return runReconciler(cluster, {
    name: "default-service-accounts",
    needs: [namespaces, accounts],
    wire(queue) {
      namespaces.subscribe(({ object }) => queue.add(object.metadata.name));
      accounts.subscribe(({ type, object }) => {
        if (type === "deleted" && object.metadata.name === "default")
          queue.add(object.metadata.namespace ?? "");
      });
    },
    reconcile: (namespace) => reconcileDefaultAccount(cluster, namespace),
  });
};

async function reconcileDefaultAccount(cluster: Cluster, name: string): Promise<undefined> {
  const namespace = cluster.store(kinds.namespaces).get(name);
  if (namespace === undefined || !takesObjects(namespace)) return;
  if (cluster.store(kinds.serviceAccounts).get("default", name) !== undefined) return;
  try {
    await cluster.create(kinds.serviceAccounts, {
      apiVersion: "v1",
      kind: "ServiceAccount",
      metadata: { name: "default", namespace: name },
    });
  } catch (reason) {
    if (!isApiError(reason, 409)) throw reason; // 409: made by somebody else, the watch brings it.
  }
}

/** Whether things may still be created in the namespace. */
export function takesObjects(namespace: Namespace): boolean {
  return namespace.metadata.deletionTimestamp === undefined && namespace.status?.phase !== "Terminating";
}
