import type { Clock } from "../../base/index.ts";
import { jsonEqual, type KubeObject } from "../../kube/index.ts";
import { child, children, type Draft, draftOf, ensure, type JsonObject, text } from "../draft.ts";
import type { Registry } from "../registry/registry.ts";
import type { ResourceStore } from "../storage/resource-store.ts";
import type { Store } from "../storage/store.ts";
import { type CommitHook, keyOf, timestamp } from "../verbs/context.ts";
import { definitionTypes } from "./definition-types.ts";

const definitions = "customresourcedefinitions.apiextensions.k8s.io";

/** Keeps a definition until its objects are gone. */
const cleanupFinalizer = "customresourcecleanup.apiextensions.k8s.io";

/**
 * Serves custom resource definitions: checks that their names are free, marks them Established and from then on
 * serves their kinds; deletes the objects of a definition that is being deleted. Everything that this writes
 * happens after the commit that made it necessary, never inside it.
 */
export function serveDefinitions(parts: {
  readonly store: Store;
  readonly registry: Registry;
  readonly clock: Clock;
}): CommitHook {
  const { store, registry, clock } = parts;
  const resource = store.resource(definitions);

  const served = new Set<string>();
  const serve = (definition: KubeObject) => {
    const { name } = definition.metadata;
    if (!isEstablished(definition)) return;
    served.add(name);
    registry.setCustom(name, definitionTypes(definition));
  };
  const establish = (name: string) => {
    const definition = resource.get(name);
    if (definition === undefined) return;
    const status = statusFor(definition, nameConflict(definition, resource.list()), timestamp(clock.now()));
    if (!jsonEqual(status, definition["status"]))
      resource.put(name, Object.assign(draftOf(definition), { status }));
  };
  const cleanUp = (name: string) => {
    const definition = resource.get(name);
    if (definition?.metadata.deletionTimestamp === undefined) return;
    if (!definition.metadata.finalizers?.includes(cleanupFinalizer)) return;
    const objects = store.resource(name);
    for (const object of objects.list()) removeObject(objects, object, clock);
    if (objects.size > 0) {
      // Somebody's finalizers hold some of them; go on when one has gone.
      const unsubscribe = objects.subscribe(() => {
        if (objects.size > 0) return;
        unsubscribe();
        queueMicrotask(() => cleanUp(name));
      });
      return;
    }
    const rest = definition.metadata.finalizers.filter((one) => one !== cleanupFinalizer);
    if (rest.length > 0) resource.put(name, withFinalizers(definition, rest));
    else resource.remove(name);
  };
  for (const definition of resource.list()) serve(definition);
  resource.subscribe(({ type, object }) => {
    const { name } = object.metadata;
    if (type === "DELETED") {
      if (served.delete(name)) registry.setCustom(name, []);
      return;
    }
    serve(object);
    queueMicrotask(() => {
      establish(name);
      cleanUp(name);
    });
  });

  return {
    finalizerFor: ({ metadata }) => (store.resource(metadata.name).size > 0 ? cleanupFinalizer : undefined),
  };
}

function removeObject(objects: ResourceStore, object: KubeObject, clock: Clock): void {
  const { name, namespace, finalizers = [], deletionTimestamp } = object.metadata;
  const key = keyOf(name, namespace);
  if (finalizers.length === 0) objects.remove(key);
  else if (deletionTimestamp === undefined) {
    const draft = draftOf(object);
    draft.metadata.deletionTimestamp = timestamp(clock.now());
    draft.metadata.deletionGracePeriodSeconds = 0;
    objects.put(key, draft);
  }
}

function withFinalizers(definition: KubeObject, finalizers: string[]): Draft {
  const draft = draftOf(definition);
  draft.metadata.finalizers = finalizers;
  return draft;
}

function condition(definition: KubeObject, type: string): JsonObject | undefined {
  return children(child(definition, "status"), "conditions").find((one) => one["type"] === type);
}

/** Whether the kinds of a definition are served. */
function isEstablished(definition: KubeObject): boolean {
  return text(condition(definition, "Established"), "status") === "True";
}

/** The name that another definition of the group had first, or undefined. */
function nameConflict(definition: KubeObject, all: readonly KubeObject[]): string | undefined {
  if (isEstablished(definition)) return undefined;
  const names = child(child(definition, "spec"), "names");
  const group = text(child(definition, "spec"), "group");
  for (const other of all) {
    if (other === definition || text(child(other, "spec"), "group") !== group || !isEstablished(other))
      continue;
    const taken = child(child(other, "status"), "acceptedNames");
    for (const field of ["plural", "singular", "kind", "listKind"])
      if (text(names, field) !== undefined && text(names, field) === text(taken, field))
        return text(names, field);
  }
  return undefined;
}

function statusFor(definition: KubeObject, conflict: string | undefined, now: string): JsonObject {
  const spec = child(definition, "spec");
  const before = child(definition, "status") ?? {};
  const made = (type: string, status: string, reason: string, message: string): JsonObject => {
    const old = condition(definition, type);
    if (old?.["status"] === status && old["reason"] === reason) return old;
    return { type, status, lastTransitionTime: now, reason, message };
  };
  const isAccepted = conflict === undefined;
  const stored = text(
    children(spec, "versions").find((version) => version["storage"] === true),
    "name",
  );
  const storedVersions = Array.isArray(before["storedVersions"]) ? before["storedVersions"] : [];
  const ending =
    definition.metadata.deletionTimestamp === undefined
      ? []
      : [made("Terminating", "True", "InstanceDeletionInProgress", "CustomResource deletion is in progress")];
  return {
    conditions: [
      isAccepted
        ? made("NamesAccepted", "True", "NoConflicts", "no conflicts found")
        : made("NamesAccepted", "False", "Conflict", `${JSON.stringify(conflict)} is already in use`),
      isAccepted
        ? made("Established", "True", "InitialNamesAccepted", "the initial names have been accepted")
        : made("Established", "False", "NotAccepted", "not all names are accepted"),
      ...ending,
    ],
    acceptedNames: isAccepted
      ? { ...ensure({ ...spec }, "names") }
      : (before["acceptedNames"] ?? { kind: "", plural: "" }),
    storedVersions:
      stored === undefined || storedVersions.includes(stored) ? storedVersions : [...storedVersions, stored],
  };
}
