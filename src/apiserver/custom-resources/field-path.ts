import { isObject, type JsonObject } from "../draft.ts";

function stepsOf(path: string): string[] {
  return path.split(".").filter((step) => step !== "");
}

/** The value at a simple JSON path (".spec.replicas"), or undefined. */
export function pathValue(object: unknown, path: string): unknown {
  let value = object;
  for (const step of stepsOf(path)) {
    if (!isObject(value)) return undefined;
    value = value[step];
  }
  return value;
}

/** Sets the value at a simple JSON path, making the objects on the way. */
export function setPathValue(object: JsonObject, path: string, value: unknown): void {
  const steps = stepsOf(path);
  let parent = object;
  for (const step of steps.slice(0, -1)) {
    const next = parent[step];
    if (isObject(next)) parent = next;
    else {
      const made: JsonObject = {};
      parent[step] = made;
      parent = made;
    }
  }
  const last = steps.at(-1);
  if (last !== undefined) parent[last] = value;
}
