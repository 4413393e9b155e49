import { type Container, isJsonObject, type JsonObject, type Pod } from "../../../kube/index.ts";
import type { Overlay } from "./template.ts";

/** Volumes that a pod's annotation sidecar.istio.io/userVolume adds for its proxy. Throws RangeError when it can't be read. */
export function userVolumes(pod: Pod): Overlay["spec"]["volumes"] {
  return entries(pod, "userVolume").map(([name, source]) => ({ ...source, name }));
}

/** Where annotation sidecar.istio.io/userVolumeMount has volumes in the proxy. Throws RangeError when it can't be read. */
export function userVolumeMounts(pod: Pod): NonNullable<Container["volumeMounts"]> {
  return entries(pod, "userVolumeMount").map(([name, { mountPath, ...mount }]) => {
    if (typeof mountPath !== "string" || mountPath === "")
      throw new RangeError(`annotation sidecar.istio.io/userVolumeMount has no mountPath for "${name}"`);
    return { ...mount, name, mountPath };
  });
}

function entries(pod: Pod, annotation: string): readonly (readonly [string, JsonObject])[] {
  const text = pod.metadata.annotations?.[`sidecar.istio.io/${annotation}`];
  if (text === undefined || text === "") return [];
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  const found = isJsonObject(value) ? Object.entries(value) : undefined;
  if (found === undefined || !found.every(isNamedObject))
    throw new RangeError(`annotation sidecar.istio.io/${annotation} is not a JSON object of objects by name`);
  return found;
}

function isNamedObject(entry: [string, unknown]): entry is [string, JsonObject] {
  return isJsonObject(entry[1]);
}
