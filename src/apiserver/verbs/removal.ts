import type { KubeObject } from "../../kube/index.ts";
import { child, type Draft, texts } from "../draft.ts";
import { type Context, keyOf, type Target } from "./context.ts";

/** Whether an object that is being deleted has nothing left to wait for. */
export function isFinished(object: KubeObject | Draft): boolean {
  const { deletionTimestamp, deletionGracePeriodSeconds = 0, finalizers = [] } = object.metadata;
  return (
    deletionTimestamp !== undefined &&
    deletionGracePeriodSeconds === 0 &&
    finalizers.length === 0 &&
    !isHeldNamespace(object)
  );
}

/** Whether a namespace still waits for its content to go. */
export function isHeldNamespace(object: KubeObject | Draft): boolean {
  return object.kind === "Namespace" && texts(child(object, "spec"), "finalizers").length > 0;
}

/** Takes a finished object out of the store and gives back its last state. */
export function removeFinished(context: Context, { type }: Target, last: Draft): KubeObject {
  const { name, namespace } = last.metadata;
  context.hooks.get(type.storedAs)?.beforeRemove?.(last);
  context.store.resource(type.storedAs).remove(keyOf(name, namespace));
  return last;
}
