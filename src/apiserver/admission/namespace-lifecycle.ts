import { child, text } from "../draft.ts";
import type { ResourceType } from "../registry/resource-type.ts";
import { forbidden, namespaceTerminating, notFound } from "../status.ts";
import type { Store } from "../storage/store.ts";

/** Namespaces that a cluster cannot be without. */
const immortal = new Set(["default", "kube-system", "kube-public"]);
const namespaces = { group: "", plural: "namespaces" };

/** New objects need a namespace that is there and stays. Throws a 404 or 403. */
export function requireNamespace(
  store: Store,
  type: ResourceType,
  name: string,
  namespace: string | undefined,
): void {
  if (namespace === undefined || namespace === "") return;
  const object = store.resource("namespaces").get(namespace);
  if (object === undefined) throw notFound(namespaces, namespace);
  const isEnding =
    object.metadata.deletionTimestamp !== undefined ||
    text(child(object, "status"), "phase") === "Terminating";
  if (isEnding) throw namespaceTerminating(type, name, namespace);
}

/** Refuses to delete the namespaces that everything rests on. Throws a 403. */
export function requireMortal(type: ResourceType, name: string): void {
  if (type.storedAs === "namespaces" && immortal.has(name))
    throw forbidden(namespaces, name, "this namespace may not be deleted");
}
