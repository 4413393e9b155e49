import { isApiError, kinds, startInformer, type WebhookConfiguration } from "../../../kube/index.ts";
import { createRepairQueue, followFailures } from "./repair-queue.ts";
import type { UpkeepTarget } from "./upkeep-target.ts";

const what = "an injection webhook's caBundle";

/**
 * Keeps the caBundle of the revision's injection webhooks equal to the mesh's root, so that the cluster's API server
 * trusts the control plane that they call.
 */
export function keepCaBundles(target: UpkeepTarget): void {
  const { client, namespaces, rootChanges, signal, log } = target;
  const revision = target.revision === "" ? "default" : target.revision;
  const webhooks = startInformer<WebhookConfiguration>(client, kinds.mutatingWebhooks, {
    labelSelector: `app=sidecar-injector,istio.io/rev=${revision}`,
    signal,
    log,
  });

  const repair = async (name: string) => {
    const present = webhooks.get(name);
    const pem = target.rootPem();
    if (present === undefined || pem === "" || !target.isInCharge()) return;
    const caBundle = Buffer.from(pem).toString("base64");
    const wrong = (present.webhooks ?? []).filter(({ clientConfig }) => clientConfig.caBundle !== caBundle);
    if (wrong.length === 0) return;
    const patch = {
      // Without it, a webhook that was taken out meanwhile would be put back in part.
      metadata: { resourceVersion: present.metadata.resourceVersion },
      webhooks: wrong.map((webhook) => ({ name: webhook.name, clientConfig: { caBundle } })),
    };
    try {
      await client.patch(kinds.mutatingWebhooks, name, patch, { type: "strategic", fieldManager: "istiod" });
    } catch (reason) {
      if (!isApiError(reason, 404)) throw reason;
      return;
    }
    log.info({ webhook: name }, "caBundle brought up to date");
  };

  const queue = createRepairQueue(repair, { signal, log, what });
  const addAll = () => {
    for (const { metadata } of webhooks.list()) queue.add(metadata.name);
  };
  webhooks.subscribe(({ object }) => queue.add(object.metadata.name));
  namespaces.subscribe(({ object }) => {
    // Whose business the cluster is stands in an annotation of this namespace.
    if (object.metadata.name === target.systemNamespace) addAll();
  });
  rootChanges.subscribe(addAll, signal);
  followFailures(webhooks, queue, { signal, log, what });
}
