import { apiVersionOf, type KubeObject } from "../../kube/index.ts";
import { admissionRequest } from "../admission/admission.ts";
import { child, type Draft, draftOf, ensure, isObject, type JsonObject, number, text } from "../draft.ts";
import { type Answer, type Call, json } from "../http/call.ts";
import { decodeBody } from "../http/decode-body.ts";
import { badRequest, conflict, deleted, notFound, statusOf } from "../status.ts";
import { type Context, keyOf, type Target, timestamp } from "./context.ts";
import { listAnswer } from "./present.ts";
import { isFinished, isHeldNamespace, removeFinished } from "./removal.ts";
import { selectionOf } from "./selection.ts";
import { isDryRun } from "./write-options.ts";

/** What a deletion asks for, from the body or the query. */
interface DeleteRequest {
  readonly dryRun: boolean;
  readonly gracePeriod: number | undefined;
  /** Absent: as an earlier deletion said, else in the background. */
  readonly propagation: "Background" | "Foreground" | "Orphan" | undefined;
  readonly uid: string | undefined;
  readonly resourceVersion: string | undefined;
  /** As it goes to admission webhooks. */
  readonly options: JsonObject;
}

/** Answers a DELETE of one object: with the object while it still has to end, else with Success. */
export async function remove(context: Context, call: Call, target: Target): Promise<Answer> {
  const request = await deleteRequest(call);
  const { name = "" } = target;
  const last = await removeOne(context, call, target, request);
  if (last.remains === undefined) return json(200, deleted(target.type, name, last.uid));
  return json(200, last.remains);
}

/** Answers a DELETE of a collection: with what was there. */
export async function removeCollection(context: Context, call: Call, target: Target): Promise<Answer> {
  const request = await deleteRequest(call);
  const { type, namespace } = target;
  const selection = selectionOf(type, call.query);
  const chosen = context.store
    .resource(type.storedAs)
    .list(namespace)
    .filter((object) => selection.matches(object));
  for (const object of chosen) {
    const { name, namespace: place } = object.metadata;
    try {
      await removeOne(context, call, { ...target, name, namespace: place }, request);
    } catch (reason) {
      if (statusOf(reason).code !== 404) throw reason; // Gone meanwhile is as good.
    }
  }
  return listAnswer(context, call, type, {
    kind: "list",
    apiVersion: apiVersionOf(type),
    listKind: type.listKind,
    metadata: { resourceVersion: String(context.store.version) },
    items: chosen,
  });
}

/** What is left of an object after a deletion; nothing when it is gone. */
interface Removed {
  readonly remains: KubeObject | undefined;
  readonly uid: string | undefined;
}

async function removeOne(
  context: Context,
  call: Call,
  target: Target,
  request: DeleteRequest,
): Promise<Removed> {
  const { type, name = "", namespace } = target;
  const resource = context.store.resource(type.storedAs);
  const key = keyOf(name, namespace);
  const first = resource.get(key);
  if (first === undefined) throw notFound(type, name);
  checkPreconditions(type, first, request);
  const admission = admissionRequest(call, {
    operation: "DELETE",
    type,
    subresource: undefined,
    namespace,
    name,
    old: first,
    dryRun: request.dryRun,
    options: request.options,
  });
  await context.admission.validate(admission, undefined);
  const old = resource.get(key);
  if (old === undefined) throw notFound(type, name);
  if (old !== first) checkPreconditions(type, old, request);

  const draft = marked(context, target, old, request);
  const { uid } = old.metadata;
  if (request.dryRun) return { remains: isFinished(draft) ? undefined : draft, uid };
  if (isFinished(draft)) {
    removeFinished(context, target, draft);
    return { remains: undefined, uid };
  }
  if (isUnchanged(draft, old)) return { remains: old, uid };
  return { remains: resource.put(key, draft), uid };
}

/** The object marked as being deleted, as far as its kind and the request want it. */
function marked(context: Context, { type }: Target, old: KubeObject, request: DeleteRequest): Draft {
  const draft = draftOf(old);
  const { metadata } = draft;
  const grace = type.strategy.gracePeriod?.(old, request.gracePeriod) ?? 0;
  const own = context.hooks.get(type.storedAs)?.finalizerFor?.(old);
  const present = metadata.finalizers ?? [];
  const finalizers = finalizersFor(
    own === undefined || present.includes(own) ? present : [...present, own],
    request.propagation,
  );
  if (finalizers.length > 0) metadata.finalizers = finalizers;
  else delete metadata.finalizers;
  if (metadata.deletionTimestamp === undefined) {
    metadata.deletionTimestamp = timestamp(context.clock.now() + grace * 1000);
    metadata.deletionGracePeriodSeconds = grace;
    if (metadata.generation !== undefined && grace > 0) metadata.generation++;
  } else if (grace < (metadata.deletionGracePeriodSeconds ?? 0)) {
    // Grace only ever gets shorter.
    metadata.deletionTimestamp = timestamp(context.clock.now() + grace * 1000);
    metadata.deletionGracePeriodSeconds = grace;
  }
  if (isHeldNamespace(draft)) {
    ensure(draft, "status")["phase"] = "Terminating";
    delete metadata.deletionGracePeriodSeconds;
  }
  return draft;
}

function isUnchanged(draft: Draft, old: KubeObject): boolean {
  return (
    draft.metadata.deletionTimestamp === old.metadata.deletionTimestamp &&
    draft.metadata.deletionGracePeriodSeconds === old.metadata.deletionGracePeriodSeconds &&
    (draft.metadata.finalizers ?? []).join() === (old.metadata.finalizers ?? []).join() &&
    text(child(draft, "status"), "phase") === text(child(old, "status"), "phase")
  );
}

const foreground = "foregroundDeletion";
const orphan = "orphan";

function finalizersFor(present: readonly string[], propagation: DeleteRequest["propagation"]): string[] {
  if (propagation === undefined) return [...present];
  const rest = present.filter((one) => one !== foreground && one !== orphan);
  if (propagation === "Foreground") return [...rest, foreground];
  if (propagation === "Orphan") return [...rest, orphan];
  return rest;
}

function checkPreconditions(
  type: Target["type"],
  object: KubeObject,
  { uid, resourceVersion }: DeleteRequest,
): void {
  const { name } = object.metadata;
  if (uid !== undefined && uid !== object.metadata.uid)
    throw conflict(
      type,
      name,
      `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${object.metadata.uid}`,
    );
  if (resourceVersion !== undefined && resourceVersion !== object.metadata.resourceVersion)
    throw conflict(
      type,
      name,
      `Precondition failed: ResourceVersion in precondition: ${resourceVersion}, ResourceVersion in object meta: ${object.metadata.resourceVersion}`,
    );
}

const policies = ["Background", "Foreground", "Orphan"] as const;

async function deleteRequest(call: Call): Promise<DeleteRequest> {
  const body = await decodeBody(call);
  const sent = body !== undefined && isObject(body.value) ? body.value : {};
  const fromQuery = call.query.get("gracePeriodSeconds");
  const gracePeriod =
    number(sent, "gracePeriodSeconds") ?? (fromQuery === null ? undefined : Number(fromQuery));
  if (gracePeriod !== undefined && (!Number.isInteger(gracePeriod) || gracePeriod < -1))
    throw badRequest("gracePeriodSeconds must be a whole number that is not negative");
  const orphans = sent["orphanDependents"] === true || call.query.get("orphanDependents") === "true";
  const named = text(sent, "propagationPolicy") ?? call.query.get("propagationPolicy") ?? "";
  const propagation = policies.find((one) => one === named);
  if (named !== "" && propagation === undefined)
    throw badRequest(
      `invalid DeleteOptions: propagationPolicy: Unsupported value: ${JSON.stringify(named)}: supported values: ${policies.map((one) => JSON.stringify(one)).join(", ")}`,
    );
  const preconditions = child(sent, "preconditions");
  const dryRun = Array.isArray(sent["dryRun"]) ? sent["dryRun"].map(String) : call.query.getAll("dryRun");
  return {
    dryRun: isDryRun(dryRun),
    gracePeriod: gracePeriod === -1 ? undefined : gracePeriod,
    propagation: propagation ?? (orphans ? "Orphan" : undefined),
    uid: text(preconditions, "uid"),
    resourceVersion: text(preconditions, "resourceVersion"),
    options: { kind: "DeleteOptions", apiVersion: "meta.k8s.io/v1", ...sent },
  };
}
