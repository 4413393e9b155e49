import {
  type EndpointSlice,
  isApiError,
  jsonEqual,
  type KubeObject,
  kinds,
  type OwnerReference,
  type Service,
  serviceNameLabel,
} from "../../kube/index.ts";
import { isNodeOf, type Link, namespaceStanding } from "./link.ts";
import { isFrom, originLabel } from "./marks.ts";
import { applyReflection, takeBack } from "./reflection-manager.ts";
import { remoteService, remoteSlice, remoteSliceName } from "./remote-service.ts";

/** Makes the provider have the Services of an offloaded namespace, or no more. */
export async function reconcileService(link: Link, name: string, namespace: string): Promise<undefined> {
  const { home, provider, at, there, reach } = link;
  if (!reach.isReachable || !there.isSynced()) return;
  const standing = namespaceStanding(link, namespace).kind;
  const service = at.services.get(name, namespace);
  const remote = there.services.get(name, namespace);
  if (standing === "none" && remote !== undefined && there.pods.list(namespace).length === 0)
    await takeBack(provider.client, kinds.services, remote);
  if (standing !== "ready") return;
  if (service === undefined || service.metadata.deletionTimestamp !== undefined) {
    if (remote !== undefined) await takeBack(provider.client, kinds.services, remote);
    return;
  }
  const wanted = remoteService(service, home.name, provider.name);
  const sameSelector = jsonEqual(remote?.spec.selector ?? {}, wanted.spec.selector ?? {});
  if (remote !== undefined && sameSelector && isApplied(remote, wanted)) return;
  if (remote === undefined) {
    const foreign = await provider.client.get(kinds.services, name, namespace);
    if (foreign !== undefined && !isFrom(foreign, home.name)) return;
  }
  await applyReflection(provider.client, kinds.services, wanted);
}

/** Makes the provider know the endpoints of a slice that do not run there. */
export async function reconcileSlice(link: Link, name: string, namespace: string): Promise<undefined> {
  const { home, provider, at, there, reach } = link;
  if (!reach.isReachable || !there.isSynced()) return;
  const standing = namespaceStanding(link, namespace).kind;
  if (standing !== "ready" && standing !== "none") return;
  const slice = at.slices.get(name, namespace);
  const isThere = (nodeName: string) => {
    const node = at.nodes.get(nodeName);
    return node !== undefined && isNodeOf(node, provider.name);
  };
  const made =
    standing === "none" || slice === undefined || slice.metadata.deletionTimestamp !== undefined
      ? undefined
      : remoteSlice(slice, { home: home.name, provider: provider.name, isThere });
  const service = there.services.get(made?.metadata.labels?.[serviceNameLabel] ?? "", namespace);
  const remoteName = remoteSliceName(name, home.name);
  const present = there.slices.get(remoteName, namespace);
  if (made === undefined || service === undefined) {
    if (present !== undefined) await provider.client.delete(kinds.endpointSlices, remoteName, { namespace });
    return;
  }
  const wanted = ownedBy(made, service);
  if (present !== undefined && isApplied(present, wanted)) return;
  try {
    if (present === undefined) await provider.client.create(kinds.endpointSlices, wanted);
    else
      await provider.client.replace(kinds.endpointSlices, {
        ...wanted,
        metadata: { ...wanted.metadata, resourceVersion: present.metadata.resourceVersion ?? "" },
      });
  } catch (reason) {
    if (!isApiError(reason, 404)) throw reason;
  }
}

/** So that the slice goes with its Service. */
function ownedBy(slice: EndpointSlice, { metadata: { name, uid = "" } }: Service): EndpointSlice {
  const owner: OwnerReference = { apiVersion: "v1", kind: "Service", name, uid };
  return { ...slice, metadata: { ...slice.metadata, ownerReferences: [owner] } };
}

/** Whether everything that is wanted of an object is so already; what the cluster added to it counts for nothing. */
function isApplied(present: KubeObject, wanted: KubeObject): boolean {
  const { metadata, ...content } = wanted;
  return (
    contains(present.metadata.labels, metadata.labels) &&
    contains(present.metadata.annotations, metadata.annotations) &&
    Object.keys(present.metadata.labels ?? {}).length === Object.keys(metadata.labels ?? {}).length &&
    Object.entries(content).every(([field, value]) => contains(present[field], value))
  );
}

/** Lists must have the same length, each entry what is wanted of it. */
function contains(present: unknown, wanted: unknown): boolean {
  if (wanted === undefined) return true;
  if (Array.isArray(wanted))
    return (
      Array.isArray(present) &&
      present.length === wanted.length &&
      wanted.every((one, i) => contains(present[i], one))
    );
  if (typeof wanted !== "object" || wanted === null) return jsonEqual(present, wanted);
  return Object.entries(wanted).every(([field, value]) =>
    contains((present as Readonly<Record<string, unknown>> | undefined)?.[field], value),
  );
}

/** The slice at home that a slice of the provider was made from. */
export function homeSliceName({ metadata }: EndpointSlice): string {
  const suffix = `-${metadata.labels?.[originLabel]}`;
  return metadata.name.endsWith(suffix) ? metadata.name.slice(0, -suffix.length) : metadata.name;
}
