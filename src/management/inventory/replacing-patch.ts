import { isJsonObject } from "../../kube/index.ts";

/**
 * The JSON merge patch (RFC 7396) that leaves nothing but `after` of `before`. A merge takes out nothing by itself: what is no
 * longer known is named, at every depth.
 */
export function replacingPatch(before: unknown, after: object): object {
  if (!isJsonObject(before)) return after;
  const gone = Object.keys(before).filter((field) => !(field in after));
  return Object.fromEntries([
    ...Object.entries(after).map(([field, value]) => [
      field,
      isJsonObject(value) ? replacingPatch(before[field], value) : value,
    ]),
    ...gone.map((field) => [field, null]),
  ]);
}
