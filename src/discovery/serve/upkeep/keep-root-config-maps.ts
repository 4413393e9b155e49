import { type ConfigMap, isApiError, kinds, type Namespace, startInformer } from "../../../kube/index.ts";
import { systemNamespaces } from "../injection/system-namespaces.ts";
import { createRepairQueue, followFailures } from "./repair-queue.ts";
import type { UpkeepTarget } from "./upkeep-target.ts";

/** The ConfigMap that proxies take the mesh's root from, and its key. */
const configMapName = "istio-ca-root-cert";
const rootKey = "root-cert.pem";
const label = "istio.io/config";
const what = `ConfigMap ${configMapName}`;

/**
 * Keeps the mesh's root in a ConfigMap of every namespace but those of Kubernetes itself. Other keys and labels that
 * somebody put there stay.
 */
export function keepRootConfigMaps(target: UpkeepTarget): void {
  const { client, namespaces, rootChanges, signal, log } = target;
  const configMaps = startInformer<ConfigMap>(client, kinds.configMaps, {
    fieldSelector: `metadata.name=${configMapName}`,
    signal,
    log,
  });

  const repair = async (name: string) => {
    const namespace = namespaces.get(name);
    const pem = target.rootPem();
    if (namespace === undefined || isTerminating(namespace) || pem === "" || !target.isInCharge()) return;
    const present = configMaps.get(configMapName, name);
    try {
      if (present === undefined) await client.create(kinds.configMaps, rootConfigMap(name, pem));
      else if (!isTrue(present, pem)) await client.replace(kinds.configMaps, repaired(present, pem));
    } catch (reason) {
      if (!isGone(reason)) throw reason;
    }
  };

  const queue = createRepairQueue(repair, { signal, log, what });
  const add = (name: string) => {
    if (!systemNamespaces.has(name)) queue.add(name);
  };
  const addAll = () => {
    for (const { metadata } of namespaces.list()) add(metadata.name);
  };
  followFailures(namespaces, queue, { signal, log, what: "namespaces" });
  followFailures(configMaps, queue, { signal, log, what });
  Promise.all([namespaces.synced, configMaps.synced]).then(
    () => {
      namespaces.subscribe(({ object: { metadata } }) => {
        // Whose business the cluster is stands in an annotation of this namespace.
        if (metadata.name === target.systemNamespace) addAll();
        else add(metadata.name);
      });
      configMaps.subscribe(({ object: { metadata } }) => add(metadata.namespace ?? ""));
      rootChanges.subscribe(addAll, signal);
    },
    () => {}, // The upkeep ended before everything was read.
  );
}

function rootConfigMap(namespace: string, pem: string): ConfigMap {
  return {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: configMapName, namespace, labels: { [label]: "true" } },
    data: { [rootKey]: pem },
  };
}

function isTrue({ metadata, data }: ConfigMap, pem: string): boolean {
  return data?.[rootKey] === pem && metadata.labels?.[label] === "true";
}

function repaired(present: ConfigMap, pem: string): ConfigMap {
  const { metadata, data } = present;
  return {
    ...present,
    metadata: { ...metadata, labels: { ...metadata.labels, [label]: "true" } },
    data: { ...data, [rootKey]: pem },
  };
}

function isTerminating({ metadata, status }: Namespace): boolean {
  return metadata.deletionTimestamp !== undefined || status?.phase === "Terminating";
}

/** Whether an answer says that the namespace, or the ConfigMap in it, is gone or going: the watch will tell. */
function isGone(reason: unknown): boolean {
  if (isApiError(reason, 404)) return true;
  return (
    isApiError(reason, 403) &&
    reason.status.details?.causes?.some((cause) => cause.reason === "NamespaceTerminating") === true
  );
}
