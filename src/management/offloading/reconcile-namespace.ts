import { isApiError, kinds, type Namespace, type Requeue } from "../../kube/index.ts";
import { type Link, namespaceStanding } from "./link.ts";
import { isFrom, reflectedMetadata, reflectionLabels } from "./marks.ts";
import { isClaimed } from "./reflection-manager.ts";

/** Labels that would make the provider's own injection or sidecars act on pods that are complete. */
const injectionLabels: ReadonlySet<string> = new Set([
  "istio-injection",
  "istio.io/rev",
  "istio.io/dataplane-mode",
]);

/**
 * How long a namespace that is offloaded no more stays, in milliseconds: whoever changes from offloading it to having one of
 * his own there says both at once, to two clusters.
 */
const linger = 2000;

/**
 * Makes the namespace in the provider that an offloaded namespace needs, and takes it away again when it is offloaded no
 * more and no pod is left in it. Namespaces of others are never touched. `unwanted` remembers since when each is unwanted.
 */
export async function reconcileNamespace(
  link: Link,
  name: string,
  unwanted: Map<string, number>,
): Promise<Requeue | undefined> {
  const { home, provider, there, reach, clock } = link;
  if (!reach.isReachable || !there.isSynced()) return undefined;
  const { kind } = namespaceStanding(link, name);
  const present = there.namespaces.get(name);
  if (kind !== "none") unwanted.delete(name);
  if (kind === "awaited" && present === undefined) await create(link, name);
  if (
    kind !== "none" ||
    present === undefined ||
    present.metadata.deletionTimestamp !== undefined ||
    !isFrom(present, home.name) ||
    there.pods.list(name).length > 0
  )
    return undefined;
  const since = unwanted.get(name) ?? clock.now();
  unwanted.set(name, since);
  const left = since + linger - clock.now();
  if (left > 0 && !isClaimed(present)) return { requeueAfter: left };
  unwanted.delete(name);
  if (isClaimed(present)) await release(link, name);
  else await provider.client.delete(kinds.namespaces, name);
  return undefined;
}

async function create(link: Link, name: string): Promise<void> {
  try {
    await link.provider.client.create(kinds.namespaces, remoteNamespace(link, name));
  } catch (reason) {
    // Somebody was faster: the watch tells who.
    if (!isApiError(reason, 409)) throw reason;
  }
}

/** Leaves the namespace to who has claimed it. */
async function release({ home, provider }: Link, name: string): Promise<void> {
  const marks = Object.keys(reflectionLabels(home.name, provider.name));
  const labels = Object.fromEntries(marks.map((label) => [label, null]));
  await provider.client.patch(kinds.namespaces, name, { metadata: { labels } }, { type: "merge" });
}

function remoteNamespace({ home, provider, at }: Link, name: string): Namespace {
  const { labels } = reflectedMetadata(
    at.namespaces.get(name)?.metadata ?? {},
    reflectionLabels(home.name, provider.name),
  );
  const kept = Object.entries(labels).filter(
    ([label]) => !injectionLabels.has(label) && label !== "kubernetes.io/metadata.name",
  );
  return { apiVersion: "v1", kind: "Namespace", metadata: { name, labels: Object.fromEntries(kept) } };
}
