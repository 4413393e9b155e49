import { isApiError, kinds } from "../../../kube/index.ts";
import { keepWebhooks } from "./keep-webhooks.ts";
import { revisionLabel, type UpkeepTarget } from "./upkeep-target.ts";

/**
 * Keeps the caBundle of the revision's injection webhooks equal to the mesh's root, so that the cluster's API server
 * trusts the control plane that they call.
 */
export function keepCaBundles(target: UpkeepTarget): void {
  const { client, log } = target;
  keepWebhooks(target, {
    kind: kinds.mutatingWebhooks,
    labelSelector: `app=sidecar-injector,istio.io/rev=${revisionLabel(target)}`,
    what: "an injection webhook's caBundle",
    async repair({ metadata: { name, resourceVersion }, webhooks = [] }, caBundle) {
      const wrong = webhooks.filter(({ clientConfig }) => clientConfig.caBundle !== caBundle);
      if (wrong.length === 0) return;
      const patch = {
        // Without it, a webhook that was taken out meanwhile would be put back in part.
        metadata: { resourceVersion },
        webhooks: wrong.map((webhook) => ({ name: webhook.name, clientConfig: { caBundle } })),
      };
      try {
        await client.patch(kinds.mutatingWebhooks, name, patch, {
          type: "strategic",
          fieldManager: "istiod",
        });
      } catch (reason) {
        if (!isApiError(reason, 404)) throw reason;
        return;
      }
      log.info({ webhook: name }, "caBundle brought up to date");
    },
  });
}
