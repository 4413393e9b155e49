import {
  jsonEqual,
  type Kind,
  type KubeClient,
  type KubeObject,
  kinds,
  type Node,
  type VirtualNode,
} from "../../kube/index.ts";
import { type Grant, grantResources, offeredResources, workingNodes } from "./grant-resources.ts";
import { component, isBound, isNodeOf, type Link, nodeOf, virtualNodeOf } from "./link.ts";
import { isFrom, reflectionLabels } from "./marks.ts";
import { foreignClusterStatus, resourceSliceStatus, virtualNodeStatus } from "./peering-status.ts";
import { virtualNodeObject } from "./virtual-node-object.ts";

/**
 * Keeps the node that stands for the provider, and what is said of the peering: what is granted, whether the other side
 * answers. Without a VirtualNode the node goes, after the pods that are bound to it.
 */
export async function reconcileNode(link: Link): Promise<undefined> {
  const virtualNode = virtualNodeOf(link);
  if (virtualNode === undefined) return removeNode(link);
  const grant = grantOf(link, virtualNode);
  const node = await keepNode(link, virtualNode, grant);
  await writeStatuses(link, virtualNode, grant, node !== undefined);
  if (link.reach.isReachable) await keepForeignCluster(link);
  return undefined;
}

/** What was asked for and is there; undefined as long as no node of the provider is known to work. */
function grantOf({ at, there, provider }: Link, { spec, metadata }: VirtualNode): Grant | undefined {
  const nodes = workingNodes(there.nodes.list());
  if (nodes.length === 0) return undefined;
  const slices = at.resourceSlices
    .list(metadata.namespace)
    .filter((slice) => slice.spec?.providerClusterID === provider.name);
  const asked = [...slices.map((slice) => slice.spec?.resources), spec?.resourceQuota?.hard];
  return grantResources(asked, offeredResources(nodes));
}

async function keepNode(
  link: Link,
  virtualNode: VirtualNode,
  grant: Grant | undefined,
): Promise<Node | undefined> {
  const { at, there, provider, reach, home, clock } = link;
  const { name } = virtualNode.metadata;
  const present = at.nodes.get(name);
  if (present !== undefined && !isNodeOf(present, provider.name)) {
    const message = `${home.name} has a node ${name} of its own, so none of that name can stand for ${provider.name}`;
    link.events.record(component, virtualNode, { type: "Warning", reason: "NodeExists", message });
    return undefined;
  }
  if (virtualNode.spec?.createNode === false) return present;
  if (grant === undefined && present === undefined) return undefined;
  const wanted = virtualNodeObject(
    virtualNode,
    {
      provider: provider.name,
      isReachable: reach.isReachable,
      nodes: workingNodes(there.nodes.list()),
      granted: grant?.resources ?? present?.status?.allocatable ?? {},
      now: clock.now(),
    },
    present,
  );
  const { client } = home;
  const metadata = present === undefined ? wanted.metadata : await keepMetadata(client, wanted, present);
  const before = present ?? (await client.create(kinds.nodes, { ...wanted, metadata }));
  if (jsonEqual(before.status, { ...before.status, ...wanted.status })) return before;
  return client.patch(kinds.nodes, name, { status: wanted.status }, { type: "merge", subresource: "status" });
}

/** Labels and taints that others added stay. */
async function keepMetadata(client: KubeClient, wanted: Node, present: Node): Promise<Node["metadata"]> {
  const { name, labels, annotations } = wanted.metadata;
  const has = (now: object | undefined, part: object | undefined) =>
    Object.entries(part ?? {}).every(([key, value]) => (now as Record<string, unknown>)?.[key] === value);
  const taints = present.spec?.taints ?? [];
  const missing = (wanted.spec?.taints ?? []).filter(
    (taint) => !taints.some(({ key, effect }) => key === taint.key && effect === taint.effect),
  );
  const isKept =
    has(present.metadata.labels, labels) &&
    has(present.metadata.annotations, annotations) &&
    missing.length === 0;
  if (!isKept)
    await client.patch(
      kinds.nodes,
      name,
      {
        metadata: { resourceVersion: present.metadata.resourceVersion, labels, annotations },
        spec: { taints: [...taints, ...missing] },
      },
      { type: "merge" },
    );
  return present.metadata;
}

async function writeStatuses(
  link: Link,
  virtualNode: VirtualNode,
  grant: Grant | undefined,
  hasNode: boolean,
): Promise<void> {
  const { at, home, provider, reach, clock, there } = link;
  const now = clock.now();
  const { client } = home;
  const { namespace } = virtualNode.metadata;
  await writeStatus(
    client,
    kinds.virtualNodes,
    virtualNode,
    virtualNodeStatus(virtualNode, { hasNode, now }),
  );
  for (const foreign of at.foreignClusters.list()) {
    if (foreign.spec.clusterID !== provider.name || isFrom(foreign, provider.name)) continue;
    const facts = {
      role: "Provider",
      isReachable: reach.isReachable,
      hasNode,
      tenantNamespace: namespace,
      now,
    } as const;
    await writeStatus(client, kinds.foreignClusters, foreign, foreignClusterStatus(foreign, facts));
  }
  if (grant === undefined) return;
  const labels = workingNodes(there.nodes.list())[0]?.metadata.labels ?? {};
  const topology = Object.fromEntries(
    Object.entries(labels).filter(([label]) => label.startsWith("topology.kubernetes.io/")),
  );
  for (const slice of at.resourceSlices.list(namespace)) {
    if (slice.spec?.providerClusterID !== provider.name) continue;
    const status = resourceSliceStatus(slice, grant, topology, now);
    const [resources] = status.conditions?.filter(({ type }) => type === "Resources") ?? [];
    const before = slice.status?.conditions?.find(({ type }) => type === "Resources");
    if (grant.shortfalls.length > 0 && before?.message !== resources?.message)
      link.events.record(component, slice, {
        type: "Warning",
        reason: "ResourceSliceResourcesReduced",
        message: `${provider.name} does not have all of it: ${resources?.message}`,
      });
    await writeStatus(client, kinds.resourceSlices, slice, status);
  }
}

/** What users of the provider see of the peering. */
async function keepForeignCluster({ home, provider, there, clock }: Link): Promise<void> {
  const present = there.foreignClusters.get(home.name);
  if (!there.foreignClusters.isSynced || (present !== undefined && !isFrom(present, home.name))) return;
  const foreign =
    present ??
    (await provider.client.create(kinds.foreignClusters, {
      apiVersion: "core.liqo.io/v1beta1",
      kind: "ForeignCluster",
      metadata: { name: home.name, labels: reflectionLabels(home.name, provider.name) },
      spec: { clusterID: home.name },
    }));
  // Whoever writes this can reach both.
  const facts = { role: "Consumer", isReachable: true, hasNode: false, tenantNamespace: undefined } as const;
  const status = foreignClusterStatus(foreign, { ...facts, now: clock.now() });
  await writeStatus(provider.client, kinds.foreignClusters, foreign, status);
}

async function writeStatus<T extends KubeObject & { readonly status?: unknown }>(
  client: KubeClient,
  kind: Kind<T>,
  object: T,
  status: NonNullable<T["status"]>,
): Promise<void> {
  if (jsonEqual(object.status, status)) return;
  const { name, namespace } = object.metadata;
  const place = namespace === undefined ? {} : { namespace };
  await client.patch(kind, name, { status }, { type: "merge", subresource: "status", ...place });
}

/** Takes the node away once its pods are gone: they are deleted one by one, each with its grace. */
async function removeNode(link: Link): Promise<undefined> {
  const { at, there, home, provider, reach } = link;
  const node = nodeOf(link);
  if (node !== undefined) {
    const { name, uid, resourceVersion } = node.metadata;
    if (node.spec?.unschedulable !== true)
      await home.client.patch(
        kinds.nodes,
        name,
        { metadata: { resourceVersion }, spec: { unschedulable: true } },
        { type: "merge" },
      );
    if (at.pods.list().some((pod) => isBound(link, pod))) return undefined;
    await home.client.delete(kinds.nodes, name, uid === undefined ? {} : { preconditions: { uid } });
  }
  const foreign = there.foreignClusters.get(home.name);
  if (reach.isReachable && foreign !== undefined && isFrom(foreign, home.name))
    await provider.client.delete(kinds.foreignClusters, home.name);
  return undefined;
}
