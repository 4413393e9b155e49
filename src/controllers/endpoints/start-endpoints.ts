import {
  type Change,
  type EndpointSlice,
  key,
  kinds,
  matchesLabels,
  objectKey,
  type Pod,
  serviceNameLabel,
  type WorkQueue,
} from "../../kube/index.ts";
import { isEquivalent } from "../core/canonical-json.ts";
import type { Cluster } from "../core/cluster.ts";
import { enqueueChanges, runReconciler, type StartController } from "../core/controller.ts";
import { endpointsKind } from "./endpoints-object.ts";
import { reconcileMirroredEndpoints } from "./reconcile-mirrored-endpoints.ts";
import { reconcileServiceEndpoints } from "./reconcile-service-endpoints.ts";
import { hasEndpoints } from "./service-endpoints.ts";

/** Keeps the EndpointSlices and Endpoints of Services with a selector true with their pods. */
export const startServiceEndpoints: StartController = (cluster) => {
  const services = cluster.store(kinds.services);
  const pods = cluster.store(kinds.pods);
  const nodes = cluster.store(kinds.nodes);
  const slices = cluster.store(kinds.endpointSlices);
  const endpoints = cluster.store(endpointsKind);
  return runReconciler(cluster, {
    name: "endpoints",
    needs: [services, pods, nodes, slices, endpoints],
    wire(queue) {
      enqueueChanges(services, queue, objectKey);
      pods.subscribe((change) => enqueueServicesOf(cluster, change, queue));
      nodes.subscribe((change) => {
        const isRelabelled =
          change.type === "modified" &&
          !isEquivalent(change.object.metadata.labels, change.previous.metadata.labels);
        if (isRelabelled || change.type === "added")
          for (const service of services.list()) queue.add(objectKey(service));
      });
      // Somebody else's edit of what we wrote, or its deletion, is undone.
      slices.subscribe(({ type, object }) => {
        if (type === "deleted" || !cluster.isOwnWrite(object)) enqueueServiceOf(cluster, object, queue);
      });
      endpoints.subscribe(({ type, object }) => {
        if (type !== "deleted" && cluster.isOwnWrite(object)) return;
        if (services.get(object.metadata.name, object.metadata.namespace) !== undefined)
          queue.add(objectKey(object));
      });
    },
    reconcile: (id) => reconcileServiceEndpoints(cluster, id),
  });
};

/** Mirrors hand-made Endpoints objects into EndpointSlices. */
export const startMirroredEndpoints: StartController = (cluster) => {
  const services = cluster.store(kinds.services);
  const endpoints = cluster.store(endpointsKind);
  const slices = cluster.store(kinds.endpointSlices);
  return runReconciler(cluster, {
    name: "mirrored-endpoints",
    needs: [services, endpoints, slices],
    wire(queue) {
      endpoints.subscribe(({ type, object }) => {
        const service = services.get(object.metadata.name, object.metadata.namespace);
        // The other controller's Endpoints objects change with every pod and are never mirrored.
        if (service === undefined || type === "deleted" || !hasEndpoints(service))
          queue.add(objectKey(object));
      });
      services.subscribe((change) => {
        const had = change.type === "modified" ? hasEndpoints(change.previous) : false;
        if (had || !hasEndpoints(change.object)) queue.add(objectKey(change.object));
      });
      slices.subscribe(({ type, object }) => {
        if (type !== "deleted" && cluster.isOwnWrite(object)) return;
        const service = serviceOf(cluster, object);
        if (service !== undefined && !hasEndpoints(service)) queue.add(objectKey(service));
      });
    },
    reconcile: (id) => reconcileMirroredEndpoints(cluster, id),
  });
};

function serviceOf(cluster: Cluster, { metadata }: EndpointSlice) {
  const name = metadata.labels?.[serviceNameLabel];
  return name === undefined ? undefined : cluster.store(kinds.services).get(name, metadata.namespace);
}

function enqueueServiceOf(cluster: Cluster, slice: EndpointSlice, queue: WorkQueue): void {
  const service = serviceOf(cluster, slice);
  if (service !== undefined) queue.add(key(service.metadata.name, service.metadata.namespace));
}

/** Services that select the pod, or did before the change. */
function enqueueServicesOf(cluster: Cluster, change: Change<Pod>, queue: WorkQueue): void {
  const { object } = change;
  const before = change.type === "modified" ? change.previous : object;
  if (change.type === "modified" && !concernsEndpoints(object, before)) return;
  for (const service of cluster.store(kinds.services).list(object.metadata.namespace)) {
    const { selector = {} } = service.spec;
    if (!hasEndpoints(service)) continue;
    if (matchesLabels(selector, object.metadata.labels) || matchesLabels(selector, before.metadata.labels)) {
      queue.add(objectKey(service));
    }
  }
}

function concernsEndpoints(after: Pod, before: Pod): boolean {
  return !(
    after.metadata.deletionTimestamp === before.metadata.deletionTimestamp &&
    after.status?.podIP === before.status?.podIP &&
    after.status?.phase === before.status?.phase &&
    after.spec.nodeName === before.spec.nodeName &&
    isEquivalent(after.metadata.labels, before.metadata.labels) &&
    isEquivalent(after.status?.conditions, before.status?.conditions)
  );
}
