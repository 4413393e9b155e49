import { isApiError, kinds } from "../../kube/index.ts";
import { type Link, namespaceStanding } from "./link.ts";
import { isFrom, reflectedMetadata, reflectionLabels } from "./marks.ts";

/** Labels that would make the provider's own injection or sidecars act on pods that are complete. */
const injectionLabels: ReadonlySet<string> = new Set([
  "istio-injection",
  "istio.io/rev",
  "istio.io/dataplane-mode",
]);

/**
 * Makes the namespace in the provider that an offloaded namespace needs, and takes it away again when it is offloaded no
 * more and no pod is left in it. Namespaces of others are never touched.
 */
export async function reconcileNamespace(link: Link, name: string): Promise<undefined> {
  const { home, provider, at, there, reach } = link;
  if (!reach.isReachable || !there.isSynced()) return;
  const standing = namespaceStanding(link, name);
  const present = there.namespaces.get(name);
  if (standing.kind === "awaited" && present === undefined) {
    const { labels } = reflectedMetadata(
      at.namespaces.get(name)?.metadata ?? { labels: {} },
      reflectionLabels(home.name, provider.name),
    );
    const kept = Object.entries(labels).filter(
      ([label]) => !injectionLabels.has(label) && label !== "kubernetes.io/metadata.name",
    );
    try {
      await provider.client.create(kinds.namespaces, {
        apiVersion: "v1",
        kind: "Namespace",
        metadata: { name, labels: Object.fromEntries(kept) },
      });
    } catch (reason) {
      // Somebody was faster: the watch tells who.
      if (!isApiError(reason, 409)) throw reason;
    }
  }
  if (
    standing.kind === "none" &&
    present !== undefined &&
    present.metadata.deletionTimestamp === undefined &&
    isFrom(present, home.name) &&
    there.pods.list(name).length === 0
  )
    await provider.client.delete(kinds.namespaces, name);
}
