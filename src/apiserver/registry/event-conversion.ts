import type { Draft, JsonObject } from "../draft.ts";
import type { ResourceType } from "./resource-type.ts";

/** Fields that events.k8s.io/v1 calls differently from core v1. */
const renamed: readonly (readonly [core: string, events: string])[] = [
  ["involvedObject", "regarding"],
  ["message", "note"],
  ["source", "deprecatedSource"],
  ["firstTimestamp", "deprecatedFirstTimestamp"],
  ["lastTimestamp", "deprecatedLastTimestamp"],
  ["count", "deprecatedCount"],
  ["reportingComponent", "reportingController"],
];

function rename(draft: Draft, from: 0 | 1): void {
  const fields: JsonObject = draft;
  for (const pair of renamed) {
    const old = pair[from];
    if (!(old in fields)) continue;
    fields[pair[1 - from] ?? ""] = fields[old];
    delete fields[old];
  }
}

/** Between events.k8s.io/v1 and core v1, as which events are stored. */
export const eventConversion: NonNullable<ResourceType["convert"]> = {
  toStored: (draft) => rename(draft, 1),
  fromStored: (draft) => rename(draft, 0),
};
