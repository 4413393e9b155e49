import { isApiError, kinds, objectKey, type Service } from "../../kube/index.ts";
import { isEquivalent } from "../core/canonical-json.ts";
import type { Cluster } from "../core/cluster.ts";
import { enqueueChanges, runReconciler, type StartController } from "../core/controller.ts";
import { splitKey } from "../core/keys.ts";

/** The loadBalancerClass that is served here besides none at all. */
export const loadBalancerClass = "isthmus.dev/load-balancer";

/** With this annotation the Service's ingress is the host name it gives instead of an address. */
export const hostnameAnnotation = "isthmus.dev/load-balancer-hostname";

const component = "service-controller";

type Ingress = NonNullable<NonNullable<NonNullable<Service["status"]>["loadBalancer"]>["ingress"]>[number];

/**
 * Gives Services of type LoadBalancer an address of `addresses`, the first free one in the order in which
 * they come. A Service keeps its address as long as it lives; one that finds none waits until one is freed.
 */
export function loadBalancersController(addresses: readonly string[]): StartController {
  return (cluster) => {
    const services = cluster.store(kinds.services);
    const waiting = new Set<string>();
    return runReconciler(cluster, {
      name: "load-balancers",
      needs: [services],
      // One at a time, since each looks for what the others have left.
      concurrency: 1,
      wire(queue) {
        enqueueChanges(services, queue, objectKey);
        services.subscribe((change) => {
          const before = change.type === "modified" ? change.previous : change.object;
          if (change.type !== "added" && isServed(before)) for (const id of waiting) queue.add(id);
        });
      },
      async reconcile(id) {
        const { namespace, name } = splitKey(id);
        waiting.delete(id);
        const service = services.get(name, namespace);
        if (service !== undefined && !(await reconcileLoadBalancer(cluster, service, addresses)))
          waiting.add(id);
        return undefined;
      },
    });
  };
}

function isServed({ spec }: Service): boolean {
  const { loadBalancerClass: asked = loadBalancerClass } = spec;
  return spec.type === "LoadBalancer" && asked === loadBalancerClass;
}

/** Gives false when no address is free. */
async function reconcileLoadBalancer(
  cluster: Cluster,
  service: Service,
  addresses: readonly string[],
): Promise<boolean> {
  const present = service.status?.loadBalancer?.ingress ?? [];
  if (!isServed(service) || service.metadata.deletionTimestamp !== undefined) {
    // Another class is somebody else's to fill; a Service that is no load balancer any more has no address.
    if (service.spec.type !== "LoadBalancer" && present.length > 0) await writeIngress(cluster, service, []);
    return true;
  }
  const hostname = service.metadata.annotations?.[hostnameAnnotation];
  if (hostname !== undefined && hostname !== "") {
    if (!(present.length === 1 && present[0]?.hostname === hostname))
      await ensure(cluster, service, { hostname });
    return true;
  }
  const address = chooseAddress(cluster, service, addresses);
  if (address === undefined) {
    const message = "Error syncing load balancer: failed to ensure load balancer: no address is free";
    cluster.events.record(component, service, { type: "Warning", reason: "SyncLoadBalancerFailed", message });
    return false;
  }
  if (!(present.length === 1 && present[0]?.ip === address))
    await ensure(cluster, service, { ip: address, ipMode: "VIP" });
  return true;
}

/** What the Service asks for (spec.loadBalancerIP), else what it has, else the first that nobody has. */
function chooseAddress(cluster: Cluster, service: Service, addresses: readonly string[]): string | undefined {
  const taken = new Set<string>();
  for (const other of cluster.store(kinds.services).list()) {
    if (other.metadata.uid === service.metadata.uid || !isServed(other)) continue;
    for (const { ip } of other.status?.loadBalancer?.ingress ?? []) if (ip !== undefined) taken.add(ip);
  }
  const own = service.status?.loadBalancer?.ingress?.[0]?.ip;
  const asked = service.spec["loadBalancerIP"];
  const wishes = [asked, own].filter((wish) => typeof wish === "string" && addresses.includes(wish));
  return [...wishes, ...addresses]
    .filter((address) => typeof address === "string")
    .find((address) => !taken.has(address));
}

async function ensure(cluster: Cluster, service: Service, ingress: Ingress): Promise<void> {
  cluster.events.record(component, service, {
    type: "Normal",
    reason: "EnsuringLoadBalancer",
    message: "Ensuring load balancer",
  });
  await writeIngress(cluster, service, [ingress]);
  cluster.events.record(component, service, {
    type: "Normal",
    reason: "EnsuredLoadBalancer",
    message: "Ensured load balancer",
  });
}

async function writeIngress(cluster: Cluster, service: Service, ingress: readonly Ingress[]): Promise<void> {
  const status = { ...service.status, loadBalancer: ingress.length === 0 ? {} : { ingress } };
  if (isEquivalent(status, service.status)) return;
  try {
    await cluster.replace(kinds.services, { ...service, status }, "status");
  } catch (reason) {
    if (!isApiError(reason, 404)) throw reason;
  }
}
