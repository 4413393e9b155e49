import { apiVersionOf, type KubeObject } from "../../kube/index.ts";
import { type Draft, draftOf } from "../draft.ts";
import type { ResourceType } from "../registry/resource-type.ts";

const converted = new WeakMap<KubeObject, Map<string, KubeObject>>();

/** A stored object as the version of `type` shows it. Made once for each object and version. */
export function inVersion(type: ResourceType, object: KubeObject): KubeObject {
  const apiVersion = apiVersionOf(type);
  if (object.apiVersion === apiVersion) return object;
  const versions = converted.get(object) ?? new Map<string, KubeObject>();
  converted.set(object, versions);
  const known = versions.get(apiVersion);
  if (known !== undefined) return known;
  const made = type.convert === undefined ? { ...object, apiVersion } : draftInVersion(type, object);
  versions.set(apiVersion, made);
  return made;
}

/** A stored object as a draft in the version of `type`. */
function draftInVersion(type: ResourceType, object: KubeObject): Draft {
  const draft = draftOf(object);
  if (draft.apiVersion === apiVersionOf(type)) return draft;
  draft.apiVersion = apiVersionOf(type);
  type.convert?.fromStored(draft);
  return draft;
}

/** Turns a draft in the version of `type` into the stored form, in place. */
export function toStoredVersion(type: ResourceType, draft: Draft): void {
  if (draft.apiVersion === type.storedVersion) return;
  type.convert?.toStored(draft);
  draft.apiVersion = type.storedVersion;
}
