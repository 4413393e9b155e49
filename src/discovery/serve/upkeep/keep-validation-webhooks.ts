import { isApiError, type KubeObject, kinds, type WebhookConfiguration } from "../../../kube/index.ts";
import { alwaysReject } from "../../validation/check-metadata.ts";
import { keepWebhooks } from "./keep-webhooks.ts";
import { NotYet } from "./repair-queue.ts";
import { revisionLabel, type UpkeepTarget } from "./upkeep-target.ts";

/**
 * Keeps the revision's validation webhooks: their caBundle equal to the mesh's root and, once this control plane is seen
 * to refuse what is wrong, their failurePolicy at Fail. They are installed with Ignore, so that Istio's objects may come
 * before istiod; from then on nothing gets in unseen, also while istiod is away.
 */
export function keepValidationWebhooks(target: UpkeepTarget): void {
  const { client, log } = target;
  let isRefusing = false;
  keepWebhooks(target, {
    kind: kinds.validatingWebhooks,
    labelSelector: `istio.io/rev=${revisionLabel(target)}`,
    what: "a validation webhook",
    async repair(present, caBundle) {
      let current = present;
      const write = async (change: Pick<WebhookConfiguration, "webhooks">) => {
        current = await client.replace(kinds.validatingWebhooks, { ...current, ...change });
      };
      try {
        if (current.webhooks?.some(({ clientConfig }) => clientConfig.caBundle !== caBundle)) {
          const webhooks = current.webhooks.map((webhook) => ({
            ...webhook,
            clientConfig: { ...webhook.clientConfig, caBundle },
          }));
          await write({ webhooks });
          log.info({ webhook: current.metadata.name }, "caBundle brought up to date");
        }
        if (!current.webhooks?.some(({ failurePolicy }) => failurePolicy === "Ignore")) return;
        isRefusing ||= await refusesTheWrong(target);
        if (!isRefusing) throw new NotYet("the validation webhook is not reached yet");
        await write({
          webhooks: current.webhooks.map((webhook) => ({ ...webhook, failurePolicy: "Fail" as const })),
        });
        log.info({ webhook: current.metadata.name }, "what can't be validated is refused from now on");
      } catch (reason) {
        if (!isApiError(reason, 404)) throw reason;
      }
    },
  });
}

/** Whether an object that must be refused is, seen in a dry run. A cluster without Istio's kinds counts as one where it is. */
async function refusesTheWrong(target: UpkeepTarget): Promise<boolean> {
  const wrong: KubeObject = {
    apiVersion: "networking.istio.io/v1",
    kind: "Gateway",
    metadata: {
      name: "invalid-gateway",
      namespace: target.systemNamespace,
      labels: { "istio.io/rev": revisionLabel(target) },
      annotations: { [alwaysReject]: "true" },
    },
    spec: {},
  };
  try {
    await target.client.create(kinds.gateways, wrong, { dryRun: true });
    return false;
  } catch (reason) {
    if (!isApiError(reason)) throw reason;
    return reason.code === 404 || /denied the request|does not support dry run/.test(reason.message);
  }
}
