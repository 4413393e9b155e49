import { isApiError, kinds, type Pod, type Requeue } from "../../kube/index.ts";
import { homeStatus, statusPatch, type Unreadiness } from "./home-status.ts";
import { component, isBound, type Link, namespaceStanding, routeOf, virtualNodeOf } from "./link.ts";
import { homeUidAnnotation, isFrom, reflectionLabels } from "./marks.ts";
import { missingEphemeralContainers, remotePod, remotePodPatch } from "./remote-pod.ts";

/**
 * Makes the provider run what is bound to its node, and the pod at home say how it fares. The pod at home is the truth:
 * a reflection without one is deleted, one that somebody deleted is made again. While the provider is away its pods are
 * out of Services, and everything else waits.
 */
export async function reconcilePod(
  link: Link,
  name: string,
  namespace: string,
): Promise<Requeue | undefined> {
  const { at, there, reach } = link;
  const found = at.pods.get(name, namespace);
  const pod = found !== undefined && isBound(link, found) ? found : undefined;
  const remote = there.pods.get(name, namespace);
  if (!reach.isReachable || !there.isSynced()) {
    if (pod !== undefined && reach.isAway) await withoutProvider(link, pod, remote);
    return undefined;
  }
  if (pod === undefined) {
    if (remote !== undefined) await deleteRemote(link, remote, undefined);
    return undefined;
  }
  const isReflection = remote?.metadata.annotations?.[homeUidAnnotation] === pod.metadata.uid;
  if (pod.metadata.deletionTimestamp !== undefined) return endPod(link, pod, remote);
  const standing = namespaceStanding(link, namespace);
  if (standing.kind === "none") {
    // Whoever asked for the pod asks for another one, which finds a place elsewhere or says that there is none.
    await link.home.client.delete(kinds.pods, name, { namespace, ...only(pod) });
    return undefined;
  }
  if (standing.kind === "refused") {
    const { reason, message } = standing;
    link.events.record(component, pod, { type: "Warning", reason, message });
    return undefined;
  }
  if (standing.kind === "awaited") return undefined;
  if (remote === undefined) {
    if (isOver(pod)) return undefined;
    await writeStatus(link, pod, undefined, {
      reason: "OffloadedPodMissing",
      message: `it is being made in ${link.provider.name}`,
    });
    return createRemote(link, pod);
  }
  if (!isReflection) {
    await deleteRemote(link, remote, undefined);
    return undefined;
  }
  const isGoing = remote.metadata.deletionTimestamp !== undefined;
  if (!isGoing) await updateRemote(link, pod, remote);
  await writeStatus(
    link,
    pod,
    remote,
    isGoing
      ? { reason: "OffloadedPodDeleted", message: `it is deleted in ${link.provider.name}, and made again` }
      : undefined,
  );
  return undefined;
}

/** A pod that has ended stays so. */
function isOver({ status }: Pod): boolean {
  return status?.phase === "Succeeded" || status?.phase === "Failed";
}

function only({ metadata: { uid } }: Pod) {
  return uid === undefined ? {} : { preconditions: { uid } };
}

async function withoutProvider(link: Link, pod: Pod, remote: Pod | undefined): Promise<void> {
  // Nobody is left to say that it has ended, and nobody waits for it any more.
  if (virtualNodeOf(link) === undefined) return forceDelete(link, pod);
  await writeStatus(link, pod, remote, {
    reason: "NodeNotReady",
    message: `${link.provider.name} does not answer`,
  });
}

/** Deletes the reflection with the grace that the pod was given, and then the pod. */
async function endPod(link: Link, pod: Pod, remote: Pod | undefined): Promise<undefined> {
  if (remote === undefined) return void (await forceDelete(link, pod));
  await deleteRemote(link, remote, pod.metadata.deletionGracePeriodSeconds);
  await writeStatus(link, pod, remote, undefined);
}

/** Removes the pod at home at once. */
async function forceDelete({ home }: Link, pod: Pod): Promise<void> {
  const { name, namespace = "" } = pod.metadata;
  await home.client.delete(kinds.pods, name, { namespace, gracePeriodSeconds: 0, ...only(pod) });
}

async function deleteRemote({ provider }: Link, remote: Pod, grace: number | undefined): Promise<void> {
  const { name, namespace = "", deletionTimestamp, deletionGracePeriodSeconds = 0 } = remote.metadata;
  if (deletionTimestamp !== undefined && (grace === undefined || grace >= deletionGracePeriodSeconds)) return;
  const gracePeriodSeconds = grace === undefined ? {} : { gracePeriodSeconds: grace };
  try {
    await provider.client.delete(kinds.pods, name, { namespace, ...gracePeriodSeconds, ...only(remote) });
  } catch (reason) {
    // Another pod has the name by now.
    if (!isApiError(reason, 409)) throw reason;
  }
}

async function createRemote(link: Link, pod: Pod): Promise<Requeue | undefined> {
  const { home, provider } = link;
  const { name, namespace = "" } = pod.metadata;
  const { serviceAccountName = "default", nodeName = "" } = pod.spec;
  const refused = (reason: string, message: string) =>
    link.events.record(component, pod, { type: "Warning", reason, message });
  try {
    if (serviceAccountName !== "default") await keepAccount(link, serviceAccountName, namespace);
    await provider.client.create(kinds.pods, remotePod(pod, routeOf(link, nodeName)));
    return undefined;
  } catch (reason) {
    if (isApiError(reason, 409)) {
      const present = await provider.client.get(kinds.pods, name, namespace);
      // Made a moment ago by ourselves, otherwise: the watch tells.
      if (present === undefined || isFrom(present, home.name)) return undefined;
      refused("FailedReflection", `${provider.name} has a pod ${namespace}/${name} of somebody else's`);
      throw reason;
    }
    if (isApiError(reason, 403) || isApiError(reason, 422))
      refused("FailedReflection", `${provider.name} refuses the pod: ${(reason as Error).message}`);
    throw reason;
  }
}

/** A pod needs its account to be there; its tokens are of the account at home. */
async function keepAccount({ home, provider }: Link, name: string, namespace: string): Promise<void> {
  if ((await provider.client.get(kinds.serviceAccounts, name, namespace)) !== undefined) return;
  try {
    await provider.client.create(kinds.serviceAccounts, {
      apiVersion: "v1",
      kind: "ServiceAccount",
      metadata: { name, namespace, labels: reflectionLabels(home.name, provider.name) },
    });
  } catch (reason) {
    if (!isApiError(reason, 409)) throw reason;
  }
}

async function updateRemote(link: Link, pod: Pod, remote: Pod): Promise<void> {
  const { client } = link.provider;
  const { name, namespace = "" } = remote.metadata;
  const patch = remotePodPatch(pod, remote, routeOf(link, pod.spec.nodeName ?? ""));
  if (patch !== undefined) await client.patch(kinds.pods, name, patch, { type: "strategic", namespace });
  const ephemeralContainers = missingEphemeralContainers(pod, remote);
  if (ephemeralContainers.length > 0)
    await client.patch(
      kinds.pods,
      name,
      { spec: { ephemeralContainers } },
      { type: "strategic", namespace, subresource: "ephemeralcontainers" },
    );
}

async function writeStatus(
  { home, clock }: Link,
  pod: Pod,
  remote: Pod | undefined,
  unready: Unreadiness | undefined,
): Promise<void> {
  const { name, namespace = "", resourceVersion } = pod.metadata;
  const status = statusPatch(pod.status, homeStatus(pod, remote, { now: clock.now(), unready }));
  if (status === undefined) return;
  try {
    const patch = { metadata: { resourceVersion }, status };
    await home.client.patch(kinds.pods, name, patch, { type: "merge", namespace, subresource: "status" });
  } catch (reason) {
    if (!isApiError(reason, 404)) throw reason;
  }
}
