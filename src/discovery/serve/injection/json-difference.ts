import { isJsonObject, type JsonObject, jsonEqual } from "../../../kube/index.ts";

/** One operation of a JSON patch (RFC 6902). */
export type PatchOperation =
  | { readonly op: "add" | "replace"; readonly path: string; readonly value: unknown }
  | { readonly op: "remove"; readonly path: string };

/** A JSON patch that makes `after` of `before`. Lists are compared place by place. */
export function jsonDifference(before: unknown, after: unknown, path = ""): PatchOperation[] {
  if (jsonEqual(before, after)) return [];
  if (Array.isArray(before) && Array.isArray(after)) return listDifference(before, after, path);
  if (isJsonObject(before) && isJsonObject(after)) return objectDifference(before, after, path);
  return [{ op: "replace", path, value: after }];
}

function objectDifference(before: JsonObject, after: JsonObject, path: string): PatchOperation[] {
  const at = (name: string) => `${path}/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`;
  const removed = Object.keys(before).filter((name) => !Object.hasOwn(after, name));
  return [
    ...removed.map((name) => ({ op: "remove", path: at(name) }) as const),
    ...Object.entries(after).flatMap(([name, value]): PatchOperation[] =>
      Object.hasOwn(before, name)
        ? jsonDifference(before[name], value, at(name))
        : [{ op: "add", path: at(name), value }],
    ),
  ];
}

function listDifference(
  before: readonly unknown[],
  after: readonly unknown[],
  path: string,
): PatchOperation[] {
  const both = Math.min(before.length, after.length);
  const surplus = before.slice(both).map((_, i) => before.length - 1 - i);
  return [
    ...after.slice(0, both).flatMap((value, i) => jsonDifference(before[i], value, `${path}/${i}`)),
    // From the end, so that the places of those still to be removed stay.
    ...surplus.map((i) => ({ op: "remove", path: `${path}/${i}` }) as const),
    ...after.slice(both).map((value) => ({ op: "add", path: `${path}/-`, value }) as const),
  ];
}
