import { type Kind, startInformer, type WebhookConfiguration } from "../../../kube/index.ts";
import { createRepairQueue, followFailures } from "./repair-queue.ts";
import type { UpkeepTarget } from "./upkeep-target.ts";

/** Which webhook configurations of a cluster are kept, and how one is brought up to date. */
export interface KeptWebhooks {
  readonly kind: Kind<WebhookConfiguration>;
  readonly labelSelector: string;
  /** What is kept, in the words of log messages. */
  readonly what: string;
  /** Writes `present` as it should be. What it throws is tried again after a while. */
  repair(present: WebhookConfiguration, caBundle: string): Promise<void>;
}

/**
 * Has webhook configurations repaired that the cluster's API server calls this control plane by: whenever one of them,
 * the mesh's root or whose business the cluster is changes.
 */
export function keepWebhooks(
  target: UpkeepTarget,
  { kind, labelSelector, what, repair }: KeptWebhooks,
): void {
  const { client, namespaces, rootChanges, signal, log } = target;
  const webhooks = startInformer<WebhookConfiguration>(client, kind, { labelSelector, signal, log });
  const look = async (name: string) => {
    const present = webhooks.get(name);
    const pem = target.rootPem();
    if (present === undefined || pem === "" || !target.isInCharge()) return;
    await repair(present, Buffer.from(pem).toString("base64"));
  };
  const queue = createRepairQueue(look, { signal, log, what });
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
