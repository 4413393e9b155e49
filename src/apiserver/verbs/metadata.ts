import { randomFillSync, randomUUID } from "node:crypto";
import type { KubeObject } from "../../kube/index.ts";
import { immutable, invalidValue, required } from "../causes.ts";
import type { Draft } from "../draft.ts";
import type { ResourceType } from "../registry/resource-type.ts";
import { badRequest, type Cause } from "../status.ts";
import { annotationCauses, labelCauses, nameCauses } from "../strategies/names.ts";

/** Letters of generated names: no vowels, so that no words come about, and none that look alike. */
const letters = "bcdfghjklmnpqrstvwxz2456789";
const suffixLength = 5;
const longestGeneratedBase = 63 - suffixLength;

let random = new Uint8Array(0);
let used = 0;

/** The suffix that Kubernetes appends to a generateName. */
export function nameSuffix(): string {
  let suffix = "";
  while (suffix.length < suffixLength) {
    if (used >= random.length) {
      random = randomFillSync(new Uint8Array(512));
      used = 0;
    }
    const value = random[used++] ?? 0;
    if (value < letters.length * 9) suffix += letters[value % letters.length]; // Even odds: 243 = 9 · 27.
  }
  return suffix;
}

/** Sets the fields of a new object's metadata that only the server sets. Throws a 400 for a resourceVersion. */
export function setSystemFields(draft: Draft, now: string): void {
  const { metadata } = draft;
  if ((metadata.resourceVersion ?? "") !== "" && metadata.resourceVersion !== "0")
    throw badRequest("resourceVersion should not be set on objects to be created");
  delete metadata.resourceVersion;
  delete metadata.deletionTimestamp;
  delete metadata.deletionGracePeriodSeconds;
  delete metadata.generation;
  delete metadata.managedFields;
  delete (metadata as { selfLink?: string }).selfLink;
  metadata.uid = randomUUID();
  metadata.creationTimestamp = now;
}

/** Gives the object a name when it only asks for one. */
export function generateName(draft: Draft): void {
  const { metadata } = draft;
  if (metadata.name !== "" || (metadata.generateName ?? "") === "") return;
  metadata.name = `${metadata.generateName?.slice(0, longestGeneratedBase)}${nameSuffix()}`;
}

/** Carries over what an update never changes in the metadata. */
export function keepSystemFields(draft: Draft, old: KubeObject): void {
  const { metadata } = draft;
  const before = old.metadata;
  metadata.name = before.name;
  if (before.namespace !== undefined) metadata.namespace = before.namespace;
  if (before.creationTimestamp !== undefined) metadata.creationTimestamp = before.creationTimestamp;
  if (before.uid !== undefined) metadata.uid = before.uid;
  if (before.resourceVersion !== undefined) metadata.resourceVersion = before.resourceVersion;
  delete metadata.deletionTimestamp;
  delete metadata.deletionGracePeriodSeconds;
  delete metadata.generation;
  delete (metadata as { selfLink?: string }).selfLink;
  if (before.deletionTimestamp !== undefined) metadata.deletionTimestamp = before.deletionTimestamp;
  if (before.deletionGracePeriodSeconds !== undefined)
    metadata.deletionGracePeriodSeconds = before.deletionGracePeriodSeconds;
  if (before.generation !== undefined) metadata.generation = before.generation;
}

/** What is wrong with an object's metadata. */
export function metadataCauses(type: ResourceType, object: KubeObject): Cause[] {
  const { metadata } = object;
  const causes: Cause[] = [];
  if (metadata.name === "") causes.push(required("metadata.name", "name or generateName is required"));
  else causes.push(...nameCauses("metadata.name", metadata.name, type.strategy.nameRule ?? "subdomain"));
  if (type.namespaced && (metadata.namespace ?? "") === "") causes.push(required("metadata.namespace"));
  causes.push(
    ...labelCauses("metadata.labels", metadata.labels),
    ...annotationCauses("metadata.annotations", metadata.annotations),
  );
  for (const [i, owner] of (metadata.ownerReferences ?? []).entries()) {
    const at = `metadata.ownerReferences[${i}]`;
    for (const field of ["apiVersion", "kind", "name", "uid"] as const)
      if ((owner[field] ?? "") === "")
        causes.push(invalidValue(`${at}.${field}`, "", `${field} must not be empty`));
  }
  if ((metadata.ownerReferences ?? []).filter((owner) => owner.controller === true).length > 1)
    causes.push(
      invalidValue(
        "metadata.ownerReferences",
        metadata.ownerReferences,
        "Only one reference can have Controller set to true. Found more than one",
      ),
    );
  return causes;
}

/** What an update changes in the metadata although it may not. `sent` is the metadata before fields were carried over. */
export function metadataUpdateCauses(sent: Draft["metadata"], old: KubeObject): Cause[] {
  const causes: Cause[] = [];
  if (sent.creationTimestamp !== undefined && sent.creationTimestamp !== old.metadata.creationTimestamp)
    causes.push(immutable("metadata.creationTimestamp", sent.creationTimestamp));
  const finalizers = new Set(old.metadata.finalizers ?? []);
  const added = (sent.finalizers ?? []).filter((one) => !finalizers.has(one));
  if (old.metadata.deletionTimestamp !== undefined && added.length > 0)
    causes.push({
      reason: "FieldValueForbidden",
      field: "metadata.finalizers",
      message: `Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{${added.map((one) => JSON.stringify(one)).join(", ")}}`,
    });
  return causes;
}
