import { jsonEqual, type KubeObject } from "../../kube/index.ts";
import { admissionRequest } from "../admission/admission.ts";
import { validateCustomObject } from "../custom-resources/validate-custom-object.ts";
import { type Draft, draftOf, type JsonObject } from "../draft.ts";
import type { Call } from "../http/call.ts";
import type { ResourceType } from "../registry/resource-type.ts";
import { badRequest, type Cause, conflict, invalid, notFound, staleObject } from "../status.ts";
import { type Context, keyOf, type Target } from "./context.ts";
import { withDefaults } from "./incoming.ts";
import { noteChangedFields } from "./managed-fields.ts";
import { keepSystemFields, metadataCauses, metadataUpdateCauses } from "./metadata.ts";
import { isFinished, removeFinished } from "./removal.ts";
import { optionsObject, type WriteOptions } from "./write-options.ts";

/** One way to change an object that is stored. */
export interface Update {
  /**
   * The object as it shall be, in the stored version and with its defaults, made from the present one. Called
   * again when somebody else was faster.
   */
  next(old: KubeObject): Draft | Promise<Draft>;
  /** The part of the object that may change. */
  readonly part: "main" | "status" | "other";
  /** Server-side apply notes the owners of fields itself. */
  readonly managed?: boolean;
  /** Name of the options in admission reviews. */
  readonly optionsKind: "UpdateOptions" | "PatchOptions";
}

/** Writers that meet each other so often in one object get a conflict to sort out. */
const mostAttempts = 8;

/**
 * Changes a stored object: builds the next one, asks admission, validates, and stores it unless it is the same.
 * Throws a 404 when there is none and a 409 when the draft names a version that is not the present one.
 */
export async function updateObject(
  context: Context,
  call: Call,
  target: Target,
  update: Update,
  options: WriteOptions,
): Promise<KubeObject> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await tryUpdate(context, call, target, update, options);
    } catch (reason) {
      if (!(reason instanceof Overtaken)) throw reason;
      if (attempt >= mostAttempts) throw conflict(target.type, target.name ?? "", staleObject);
    }
  }
}

/** Somebody else changed the object between reading and writing. Never leaves this file. */
class Overtaken extends Error {
  override readonly name = "Overtaken";
}

async function tryUpdate(
  context: Context,
  call: Call,
  target: Target,
  update: Update,
  options: WriteOptions,
): Promise<KubeObject> {
  const { type, name = "", namespace } = target;
  const resource = context.store.resource(type.storedAs);
  const key = keyOf(name, namespace);
  const old = resource.get(key);
  if (old === undefined) throw notFound(type, name);
  const rules = context.ruleContext((text) => call.warn(text));

  let draft = await update.next(old);
  const sent = { ...draft.metadata };
  checkPreconditions(type, sent, old);
  if (update.part === "status") draft = onlyStatus(draft, old);
  keepSystemFields(draft, old);
  if (update.part === "main") keepStatus(type, draft, old);

  const request = admissionRequest(call, {
    operation: "UPDATE",
    type,
    subresource: target.subresource,
    namespace,
    name,
    old,
    dryRun: options.dryRun,
    options: optionsObject(update.optionsKind, options),
  });
  const admitted = await context.admission.mutate(request, draft);
  if (admitted !== draft) draft = withDefaults(context, type, admitted);
  if (update.part === "main") {
    keepStatus(type, draft, old);
    type.strategy.prepareUpdate?.(draft, old, rules);
  }
  countGeneration(type, draft, old);

  const causes: Cause[] = [
    ...metadataCauses(type, draft),
    ...metadataUpdateCauses(sent, old),
    ...(type.custom === undefined ? [] : await validateCustomObject(context.schemaOf(type), draft, old)),
    ...(update.part === "main" ? (type.strategy.validate?.(draft, rules) ?? []) : []),
    ...(update.part === "main" ? (type.strategy.validateUpdate?.(draft, old, rules) ?? []) : []),
  ];
  if (causes.length > 0) throw invalid(type, name, causes);

  if (update.managed !== true) {
    if (
      sameContent(draft, old) &&
      jsonEqual(draft.metadata.managedFields ?? [], old.metadata.managedFields ?? [])
    )
      return unchanged(context, target, old, options);
    const subresource = update.part === "main" ? undefined : target.subresource;
    noteChangedFields(context, type, draft, old, { manager: options.fieldManager, subresource });
  } else if (sameContent(draft, old) && sameOwners(draft, old))
    return unchanged(context, target, old, options);
  await context.admission.validate(request, draft);

  if (resource.get(key) !== old) throw new Overtaken();
  context.hooks.get(type.storedAs)?.beforePut?.(draft, old, options.dryRun);
  context.admission.charge(request, draft);
  if (options.dryRun) return draft;
  if (isFinished(draft)) return removeFinished(context, target, draft);
  return resource.put(key, draft);
}

/** A write that changes nothing is no change: watchers hear nothing and the version stays. */
function unchanged(context: Context, target: Target, old: KubeObject, options: WriteOptions): KubeObject {
  return !options.dryRun && isFinished(old) ? removeFinished(context, target, draftOf(old)) : old;
}

function checkPreconditions(type: ResourceType, sent: Draft["metadata"], old: KubeObject): void {
  const { name, uid, resourceVersion } = old.metadata;
  if ((sent.uid ?? "") !== "" && sent.uid !== uid)
    throw conflict(
      type,
      name,
      `Precondition failed: UID in precondition: ${sent.uid}, UID in object meta: ${uid}`,
    );
  const version = sent.resourceVersion ?? "";
  if (version === "" && type.strategy.updatesBlindly === false)
    throw badRequest("metadata.resourceVersion: Invalid value: 0x0: must be specified for an update");
  if (version !== "" && version !== "0" && version !== resourceVersion)
    throw conflict(type, name, staleObject);
}

/** Of a status update only the status counts; the rest of the object stays what it is. */
function onlyStatus(draft: Draft, old: KubeObject): Draft {
  const next = draftOf(old);
  if (draft["status"] === undefined) delete next["status"];
  else next["status"] = draft["status"];
  if (draft.metadata.managedFields !== undefined) next.metadata.managedFields = draft.metadata.managedFields;
  return next;
}

function keepStatus(type: ResourceType, draft: Draft, old: KubeObject): void {
  if (!type.subresources.some(({ name }) => name === "status")) return;
  if (old["status"] === undefined) delete draft["status"];
  else draft["status"] = old["status"];
}

function countGeneration(type: ResourceType, draft: Draft, old: KubeObject): void {
  const counts = type.strategy.countsGenerations === true || type.custom !== undefined;
  if (!counts) return;
  const { generation = 1 } = old.metadata;
  // Without a status subresource the status is content like any other.
  const hasStatus = type.custom === undefined || type.custom.hasStatus;
  const isSame = jsonEqual(content(draft, hasStatus), content(old, hasStatus));
  draft.metadata.generation = isSame ? generation : generation + 1;
}

function content(object: KubeObject | Draft, withoutStatus: boolean): JsonObject {
  const { metadata: _metadata, ...rest } = object as Draft;
  if (withoutStatus) delete rest["status"];
  return rest;
}

function sameContent(draft: Draft, old: KubeObject): boolean {
  const { managedFields: _new, ...metadata } = draft.metadata;
  const { managedFields: _old, ...before } = old.metadata;
  return jsonEqual({ ...draft, metadata }, { ...old, metadata: before });
}

/** Whether the noted owners are the same; when they were noted does not count. */
function sameOwners(draft: Draft, old: KubeObject): boolean {
  const timeless = (object: KubeObject) =>
    (object.metadata.managedFields ?? []).map(({ time: _time, ...entry }) => entry);
  return jsonEqual(timeless(draft), timeless(old));
}
