import {
  addResources,
  formatResourceList,
  isApiError,
  isInScope,
  type KubeObject,
  type Quantity,
  quotaResource,
  quotaUsage,
  type Requeue,
  type ResourceList,
} from "../../kube/index.ts";
import type { AllObjects } from "../core/all-objects.ts";
import { isEquivalent } from "../core/canonical-json.ts";
import type { Cluster } from "../core/cluster.ts";
import { splitKey } from "../core/keys.ts";
import { resourceQuotas } from "./resource-quota.ts";

const zero: Quantity = { unscaled: 0n, scale: 0, format: "DecimalSI" };

/**
 * Makes the status of one ResourceQuota true: what its spec allows and what is in use. The API server raises the
 * use with every object that it stores, so everything is read anew, quota first: a write that comes between
 * makes this one a conflict, and it starts over.
 */
export async function reconcileResourceQuota(
  cluster: Cluster,
  objects: Pick<AllObjects, "kinds">,
  key: string,
): Promise<Requeue | undefined> {
  const { namespace, name } = splitKey(key);
  const quota = await cluster.client.get(resourceQuotas, name, namespace);
  if (quota === undefined) return undefined;
  const hard = quota.spec?.hard ?? {};
  const used = new Map<string, Quantity>();
  const names = Object.keys(hard);
  for (const resource of new Set(names.flatMap((one) => quotaResource(one) ?? []))) {
    let sum: ResourceList = new Map();
    for (const object of await listResource(cluster, objects, resource, namespace))
      if (isInScope(quota.spec ?? {}, resource, object))
        sum = addResources(sum, quotaUsage(resource, object, cluster.clock.now()));
    for (const one of names) if (quotaResource(one) === resource) used.set(one, sum.get(one) ?? zero);
  }
  const status = { hard, used: formatResourceList(used) };
  if (!isEquivalent(status, quota.status))
    await cluster.replace(resourceQuotas, { ...quota, status }, "status");
  return undefined;
}

/** The objects of "pods" or "deployments.apps"; none when nobody serves it. */
async function listResource(
  cluster: Cluster,
  objects: Pick<AllObjects, "kinds">,
  resource: string,
  namespace: string,
): Promise<readonly KubeObject[]> {
  const kind = objects
    .kinds()
    .find(({ plural, group }) => resource === (group === "" ? plural : `${plural}.${group}`));
  if (kind === undefined || !kind.namespaced) return [];
  try {
    return (await cluster.client.list(kind, { namespace })).items;
  } catch (reason) {
    // A definition that was deleted takes its objects with it.
    if (isApiError(reason, 404)) return [];
    throw reason;
  }
}
