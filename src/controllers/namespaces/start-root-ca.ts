import { type ConfigMap, isApiError, kinds } from "../../kube/index.ts";
import type { Cluster } from "../core/cluster.ts";
import { runReconciler, type StartController } from "../core/controller.ts";
import { takesObjects } from "../service-accounts/start-service-accounts.ts";

const name = "kube-root-ca.crt";
const note = "kubernetes.io/description";
const description =
  "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters.";

/** Keeps the ConfigMap kube-root-ca.crt with the API server's CA in every namespace: pods mount it. */
export function rootCaController(apiCa: string): StartController {
  return (cluster) => {
    const namespaces = cluster.store(kinds.namespaces);
    const configMaps = cluster.store(kinds.configMaps);
    return runReconciler(cluster, {
      name: "root-ca",
      needs: [namespaces, configMaps],
      wire(queue) {
        namespaces.subscribe(({ object }) => queue.add(object.metadata.name));
        configMaps.subscribe(({ object: { metadata } }) => {
          if (metadata.name === name) queue.add(metadata.namespace ?? "");
        });
      },
      reconcile: (namespace) => reconcileRootCa(cluster, namespace, apiCa),
    });
  };
}

async function reconcileRootCa(cluster: Cluster, namespace: string, apiCa: string): Promise<undefined> {
  const owner = cluster.store(kinds.namespaces).get(namespace);
  if (owner === undefined || !takesObjects(owner)) return;
  const present = cluster.store(kinds.configMaps).get(name, namespace);
  const data = { "ca.crt": apiCa };
  if (present?.data?.["ca.crt"] === apiCa && Object.keys(present.data).length === 1) return;
  try {
    if (present !== undefined) await cluster.replace(kinds.configMaps, { ...present, data });
    else {
      const metadata = { name, namespace, annotations: { [note]: description } };
      const wanted: ConfigMap = { apiVersion: "v1", kind: "ConfigMap", metadata, data };
      await cluster.create(kinds.configMaps, wanted);
    }
  } catch (reason) {
    if (present === undefined && isApiError(reason, 409)) return; // Made by somebody else, the watch brings it.
    if (!isApiError(reason, 404)) throw reason;
  }
}
