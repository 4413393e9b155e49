import { type Draft, ensure } from "../draft.ts";
import type { Store } from "../storage/store.ts";

/** Marks the storage class that claims get which name none. */
export const defaultClassAnnotation = "storageclass.kubernetes.io/is-default-class";

/** Gives a new claim that names no storage class the default one, the newest if there are several. */
export function completeClaim(store: Store, draft: Draft): void {
  const spec = ensure(draft, "spec");
  const named = draft.metadata.annotations?.["volume.beta.kubernetes.io/storage-class"];
  if (spec["storageClassName"] !== undefined || named !== undefined) return;
  const [newest] = store
    .resource("storageclasses.storage.k8s.io")
    .list()
    .filter(({ metadata }) => metadata.annotations?.[defaultClassAnnotation] === "true")
    .sort((a, b) => createdAt(b) - createdAt(a));
  if (newest !== undefined) spec["storageClassName"] = newest.metadata.name;
}

function createdAt({ metadata }: { readonly metadata: { readonly creationTimestamp?: string } }): number {
  return Date.parse(metadata.creationTimestamp ?? "") || 0;
}
