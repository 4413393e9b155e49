import { type KubeObject, type LabelSelector, matchesLabelSelector } from "../../kube/index.ts";
import {
  child,
  children,
  type Draft,
  draftOf,
  ensure,
  isObject,
  type JsonObject,
  number,
  text,
} from "../draft.ts";
import { type Answer, type Call, json } from "../http/call.ts";
import { decodeBody } from "../http/decode-body.ts";
import { badRequest, conflict, created, notFound, tooManyRequests } from "../status.ts";
import { type Context, keyOf, type Target, timestamp } from "../verbs/context.ts";
import { found } from "../verbs/read.ts";
import { remove } from "../verbs/remove.ts";

/** Answers a POST of a pod's binding: the scheduler's way to give it a node. */
export async function bind(context: Context, call: Call, target: Target): Promise<Answer> {
  const body = await decodeBody(call);
  const sent = body !== undefined && isObject(body.value) ? body.value : {};
  const metadata = child(sent, "metadata");
  const name = target.name ?? text(metadata, "name") ?? "";
  const node = text(child(sent, "target"), "name") ?? "";
  if (node === "") throw badRequest("target.name: Required value");
  const pods = context.store.resource("pods");
  const key = keyOf(name, target.namespace);
  const pod = pods.get(key);
  const resource = { group: "", plural: "pods" };
  if (pod === undefined) throw notFound(resource, name);
  const binding = { group: "", plural: "pods/binding" };
  if (pod.metadata.deletionTimestamp !== undefined)
    throw conflict(binding, name, `pod ${name} is being deleted, cannot be assigned to a host`);
  const assigned = text(child(pod, "spec"), "nodeName") ?? "";
  if (assigned !== "")
    throw conflict(binding, name, `pod ${name} is already assigned to node ${JSON.stringify(assigned)}`);
  const uid = text(metadata, "uid") ?? "";
  if (uid !== "" && uid !== pod.metadata.uid)
    throw conflict(
      binding,
      name,
      `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${pod.metadata.uid}`,
    );
  const draft = draftOf(pod);
  ensure(draft, "spec")["nodeName"] = node;
  const annotations = child(metadata, "annotations");
  if (annotations !== undefined)
    draft.metadata.annotations = {
      ...draft.metadata.annotations,
      ...(annotations as Record<string, string>),
    };
  setCondition(draft, timestamp(context.clock.now()));
  pods.put(key, draft);
  return json(201, created());
}

function setCondition(draft: Draft, now: string): void {
  const status = ensure(draft, "status");
  const rest = children(status, "conditions").filter((one) => one["type"] !== "PodScheduled");
  status["conditions"] = [
    ...rest,
    { type: "PodScheduled", status: "True", lastProbeTime: null, lastTransitionTime: now },
  ];
}

/** Answers a POST of a pod's eviction: a deletion that disruption budgets may put off (429). */
export async function evict(context: Context, call: Call, target: Target): Promise<Answer> {
  const pod = found(context, target);
  const body = await decodeBody(call);
  const sent = body !== undefined && isObject(body.value) ? body.value : {};
  const isEnded = ["Succeeded", "Failed"].includes(text(child(pod, "status"), "phase") ?? "");
  const options = child(sent, "deleteOptions") ?? {};
  const isTrial = Array.isArray(options["dryRun"]) && options["dryRun"].includes("All");
  if (!isEnded && pod.metadata.deletionTimestamp === undefined) takeDisruption(context, pod, isTrial);
  await remove(
    context,
    { ...call, readBody: async () => ({ kind: "value", value: options }) },
    { ...target, subresource: undefined },
  );
  return json(201, created());
}

/** Counts the eviction against the pod's budget. Throws a 429 when the budget has none left. */
function takeDisruption(context: Context, pod: KubeObject, isTrial: boolean): void {
  const budgets = context.store.resource("poddisruptionbudgets.policy");
  const { namespace = "", labels, name } = pod.metadata;
  const matching = budgets
    .list(namespace)
    .filter((budget) =>
      matchesLabelSelector(child(child(budget, "spec"), "selector") as LabelSelector | undefined, labels),
    );
  const [budget] = matching;
  if (budget === undefined) return;
  const status = child(budget, "status");
  const allowed = number(status, "disruptionsAllowed") ?? 0;
  if (allowed <= 0)
    throw tooManyRequests("Cannot evict pod as it would violate the pod's disruption budget.", [
      {
        reason: "DisruptionBudget",
        field: "",
        message: `The disruption budget ${budget.metadata.name} needs ${number(status, "desiredHealthy") ?? 0} healthy pods and has ${number(status, "currentHealthy") ?? 0} currently`,
      },
    ]);
  if (isTrial) return;
  const draft = draftOf(budget);
  const next: JsonObject = ensure(draft, "status");
  next["disruptionsAllowed"] = allowed - 1;
  next["disruptedPods"] = { ...child(next, "disruptedPods"), [name]: timestamp(context.clock.now()) };
  budgets.put(keyOf(budget.metadata.name, namespace), draft);
}
