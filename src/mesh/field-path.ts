import type { FieldPath } from "./mesh.ts";

/** A path as the annotation isthmus.dev/from shows it: "clusters.ash.manifests[1]". */
export function fieldPath(path: readonly (string | number)[]): FieldPath {
  return path.reduce<string>((text, step) => {
    if (typeof step === "number") return `${text}[${step}]`;
    return text === "" ? step : `${text}.${step}`;
  }, "");
}

/** The steps of a FieldPath. */
export function stepsOf(path: FieldPath): (string | number)[] {
  return [...path.matchAll(/\[(\d+)\]|([^.[\]]+)/g)].map(([, index, name = ""]) =>
    index === undefined ? name : Number(index),
  );
}
