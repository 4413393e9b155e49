import {
  type Change,
  compareQuantities,
  type EndpointSlice,
  type Kind,
  type KubeObject,
  kinds,
  objectKey,
  resourceList,
  serviceNameLabel,
  type WebhookConfiguration,
} from "../../kube/index.ts";
import { type ResourceQuota, resourceQuotas } from "../resource-quotas/resource-quota.ts";
import { isEquivalent } from "./canonical-json.ts";
import type { Cluster } from "./cluster.ts";

/**
 * Objects whose pods the API server refused, and the changes that may alter its mind: webhook configurations,
 * the endpoints of their Services, service accounts, quotas and limits, the namespace. The back-off of the queue goes on
 * beside it, for reasons that no watch tells.
 */
export interface Refusals {
  /** Calls `wake` once, at the next change that may matter to pods of this namespace. */
  add(id: string, namespace: string, wake: () => void): void;
}

const limitRanges: Kind = {
  group: "",
  version: "v1",
  kind: "LimitRange",
  plural: "limitranges",
  namespaced: true,
};

/** Nothing is watched for it before the first refusal. */
export function createRefusals(cluster: Cluster): Refusals {
  const refused = new Map<string, { readonly namespace: string; readonly wake: () => void }>();
  let isWatching = false;

  const wake = (namespace: string | undefined) => {
    for (const [id, entry] of refused) {
      if (namespace !== undefined && namespace !== entry.namespace) continue;
      refused.delete(id);
      entry.wake();
    }
  };
  const wakeNamespace = ({ object }: Change<KubeObject>) => wake(object.metadata.namespace);
  const watch = () => {
    const webhooks = [cluster.store(kinds.mutatingWebhooks), cluster.store(kinds.validatingWebhooks)];
    for (const store of webhooks) store.subscribe(() => wake(undefined));
    cluster.store(kinds.endpointSlices).subscribe(({ object }) => {
      const services = new Set(webhooks.flatMap((store) => store.list().flatMap(servicesOf)));
      if (services.has(serviceOf(object))) wake(undefined);
    });
    cluster.store(kinds.serviceAccounts).subscribe(wakeNamespace);
    cluster.store(resourceQuotas).subscribe((change) => {
      if (leavesMoreRoom(change)) wakeNamespace(change);
    });
    cluster.store(limitRanges).subscribe(wakeNamespace);
    cluster.store(kinds.namespaces).subscribe(({ object }) => wake(object.metadata.name));
    cluster.store(kinds.pods).subscribe((change) => {
      if (change.type === "deleted") wakeNamespace(change); // Its share of the quota is free.
    });
  };
  return {
    add(id, namespace, wakeUp) {
      if (!isWatching) {
        isWatching = true;
        watch();
      }
      refused.set(id, { namespace, wake: wakeUp });
    },
  };
}

/** Every pod that is accepted raises the use of its quotas: that is no reason for others to try again. */
function leavesMoreRoom(change: Change<ResourceQuota>): boolean {
  if (change.type !== "modified") return true;
  const [now, before] = [change.object.status, change.previous.status];
  if (!isEquivalent(now?.hard, before?.hard)) return true;
  const used = resourceList(now?.used);
  return [...resourceList(before?.used)].some(([name, amount]) => {
    const left = used.get(name);
    return left === undefined || compareQuantities(left, amount) < 0;
  });
}

function servicesOf({ webhooks = [] }: WebhookConfiguration): readonly string[] {
  return webhooks.flatMap(({ clientConfig: { service } }) =>
    service === undefined ? [] : [`${service.namespace}/${service.name}`],
  );
}

function serviceOf(slice: EndpointSlice): string {
  const service = slice.metadata.labels?.[serviceNameLabel];
  return service === undefined ? objectKey(slice) : `${slice.metadata.namespace}/${service}`;
}
