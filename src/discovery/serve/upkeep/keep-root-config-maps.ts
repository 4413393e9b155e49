import { type ConfigMap, kinds, startInformer } from "../../../kube/index.ts";
import type { UpkeepOptions } from "./contracts.ts";
import { createRepairs } from "./repairs.ts";

const configMapName = "istio-ca-root-cert";
const fileName = "root-cert.pem";
/** Namespaces that no mesh workload is ever in. */
const ignored: ReadonlySet<string> = new Set([
  "kube-system",
  "kube-public",
  "kube-node-lease",
  "local-path-storage",
]);

/** Keeps the mesh's root in a ConfigMap of every namespace, new ones included: proxies verify istiod with it. */
export function keepRootConfigMaps({ client, rootPem, rootChanges, signal, log }: UpkeepOptions): void {
  const namespaces = startInformer(client, kinds.namespaces, { signal, log });
  const configMaps = startInformer(client, kinds.configMaps, {
    fieldSelector: `metadata.name=${configMapName}`,
    signal,
    log,
  });
  const repairs = createRepairs(
    async (namespace) => {
      const owner = namespaces.get(namespace);
      if (
        owner === undefined ||
        owner.metadata.deletionTimestamp !== undefined ||
        owner.status?.phase === "Terminating"
      )
        return;
      await configMaps.synced;
      const present = configMaps.get(configMapName, namespace);
      const root = rootPem();
      if (present?.data?.[fileName] === root) return;
      const wanted: ConfigMap = {
        apiVersion: "v1",
        kind: "ConfigMap",
        metadata: { name: configMapName, namespace, labels: { "istio.io/config": "true" } },
        data: { [fileName]: root },
      };
      if (present === undefined) await client.create(kinds.configMaps, wanted);
      else
        await client.replace(kinds.configMaps, { ...present, data: { ...present.data, [fileName]: root } });
    },
    { signal, log },
  );
  const look = (namespace: string | undefined) => {
    if (namespace !== undefined && !ignored.has(namespace)) repairs.look(namespace);
  };
  namespaces.subscribe(({ object }) => look(object.metadata.name));
  configMaps.subscribe(({ object }) => {
    if (object.metadata.name === configMapName) look(object.metadata.namespace);
  });
  rootChanges.subscribe(() => {
    for (const { metadata } of namespaces.list()) look(metadata.name);
  }, signal);
}
