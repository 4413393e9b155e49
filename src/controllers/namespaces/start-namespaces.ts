import { kinds } from "../../kube/index.ts";
import type { AllObjects } from "../core/all-objects.ts";
import { runReconciler, type StartController } from "../core/controller.ts";
import { reconcileNamespace } from "./reconcile-namespace.ts";

/** Makes new namespaces Active, and empties and releases those that are deleted. */
export function namespacesController(objects: AllObjects): StartController {
  return (cluster) => {
    const namespaces = cluster.store(kinds.namespaces);
    const isTerminating = (name: string) => namespaces.get(name)?.metadata.deletionTimestamp !== undefined;
    return runReconciler(cluster, {
      name: "namespaces",
      needs: [namespaces, objects],
      wire(queue) {
        namespaces.subscribe(({ object }) => queue.add(object.metadata.name));
        objects.subscribe((_kind, { type, object }) => {
          const { namespace = "" } = object.metadata;
          // One less to wait for, or one that slipped in before the namespace closed.
          if (type !== "modified" && namespace !== "" && isTerminating(namespace)) queue.add(namespace);
        });
      },
      reconcile: (name) => reconcileNamespace(cluster, objects, name),
    });
  };
}
