import { isJsonObject, type Pod } from "../../../kube/index.ts";
import type { Overlay } from "./template.ts";

/** Annotation that says what injection added to a pod. */
export const statusAnnotation = "sidecar.istio.io/status";

/** What an earlier injection added, by name. */
export interface InjectionStatus {
  readonly initContainers: ReadonlySet<string>;
  readonly containers: ReadonlySet<string>;
}

/** Reads the status of a pod; undefined when it was not injected, or doesn't say so in a way that can be read. */
export function injectionStatusOf(pod: Pod): InjectionStatus | undefined {
  const text = pod.metadata.annotations?.[statusAnnotation];
  if (text === undefined) return undefined;
  let status: unknown;
  try {
    status = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isJsonObject(status)) return undefined;
  return { initContainers: names(status["initContainers"]), containers: names(status["containers"]) };
}

/** The text of the annotation for a pod that `overlay` was added to. */
export function formatInjectionStatus(overlay: Overlay, revision: string): string {
  const { initContainers, containers, volumes, imagePullSecrets } = overlay.spec;
  const list = (items: readonly { readonly name: string }[] | undefined) =>
    items === undefined || items.length === 0 ? null : items.map(({ name }) => name);
  return JSON.stringify({
    initContainers: list(initContainers),
    containers: list(containers),
    volumes: list(volumes),
    imagePullSecrets: list(imagePullSecrets),
    revision,
  });
}

function names(value: unknown): ReadonlySet<string> {
  return new Set(Array.isArray(value) ? value.filter((name) => typeof name === "string") : []);
}
