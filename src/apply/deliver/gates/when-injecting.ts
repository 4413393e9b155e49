import { IsthmusError } from "../../../base/index.ts";
import { ApiError, type KubeClient, kinds, type Pod } from "../../../kube/index.ts";
import type { WaitOptions } from "../apply-options.ts";
import type { Applying } from "../applying.ts";
import { whenWebhooksAnswer } from "../when-webhooks-answer.ts";

/**
 * Waits until the injection webhook answers: a pod that it would be asked for is created as a dry run. Before, gateways would
 * be refused their pods, and their ReplicaSets would wait longer after each failure. Rejects with apply/timed-out.
 */
export async function whenInjecting(
  { client, name }: Pick<Applying, "client" | "name">,
  { namespace, revision }: { readonly namespace: string; readonly revision: string | undefined },
  options: WaitOptions,
): Promise<void> {
  try {
    await whenWebhooksAnswer(name, options, () => askForPod(client, namespace, revision));
  } catch (reason) {
    if (!(reason instanceof ApiError)) throw reason;
    // Refused for something else, such as a rule for pods: the webhook was asked.
    if (reason.code < 500) return;
    const seconds = Math.round(options.addressTimeout / 1000);
    throw new IsthmusError(
      "apply/timed-out",
      `${name}: the injection webhook does not answer after ${seconds} s: ${reason.message}`,
      {
        cause: reason,
        nextStep:
          "The API server must reach istiod's port 15017: a firewall, or the way to the primary's gateway, may be in between. Then run this again: it resumes.",
      },
    );
  }
}

async function askForPod(client: KubeClient, namespace: string, revision: string | undefined): Promise<void> {
  const pod: Pod = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name: "isthmus-asks-for-injection",
      namespace,
      labels: {
        "sidecar.istio.io/inject": "true",
        ...(revision === undefined ? {} : { "istio.io/rev": revision }),
      },
    },
    spec: { containers: [{ name: "none", image: "none" }] },
  };
  await client.create(kinds.pods, pod, { dryRun: true });
}
