import { kinds, startInformer } from "../../../kube/index.ts";
import type { UpkeepOptions } from "./contracts.ts";
import { createRepairs } from "./repairs.ts";

/** Keeps the caBundle of every injection webhook of our revision equal to the mesh's root. */
export function keepWebhookBundles({
  client,
  revision,
  rootPem,
  rootChanges,
  signal,
  log,
}: UpkeepOptions): void {
  const labelSelector = `app=sidecar-injector,istio.io/rev=${revision === "" ? "default" : revision}`;
  const configurations = startInformer(client, kinds.mutatingWebhooks, { labelSelector, signal, log });
  const repairs = createRepairs(
    async (name) => {
      const caBundle = Buffer.from(rootPem()).toString("base64");
      const webhooks = configurations.get(name)?.webhooks ?? [];
      const patch = webhooks.flatMap(({ clientConfig }, i) =>
        clientConfig.caBundle === caBundle
          ? []
          : [{ op: "add", path: `/webhooks/${i}/clientConfig/caBundle`, value: caBundle }],
      );
      if (patch.length === 0) return;
      // The list may have been written anew in between: then the positions would be others.
      const version = {
        op: "test",
        path: "/metadata/resourceVersion",
        value: configurations.get(name)?.metadata.resourceVersion,
      };
      await client.patch(kinds.mutatingWebhooks, name, [version, ...patch], { type: "json" });
    },
    { signal, log },
  );
  configurations.subscribe(({ type, object }) => {
    if (type !== "deleted") repairs.look(object.metadata.name);
  });
  rootChanges.subscribe(() => {
    for (const { metadata } of configurations.list()) repairs.look(metadata.name);
  }, signal);
}
