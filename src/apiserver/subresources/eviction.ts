import { type KubeObject, type LabelSelector, matchesLabelSelector } from "../../kube/index.ts";
import { child, children, draftOf, ensure, isObject, type JsonObject, number, text } from "../draft.ts";
import { type Answer, type Call, json } from "../http/call.ts";
import { decodeBody } from "../http/decode-body.ts";
import { badRequest, type Cause, created, forbidden, impossible, tooManyRequests } from "../status.ts";
import { type Context, keyOf, type Target, timestamp } from "../verbs/context.ts";
import { found } from "../verbs/read.ts";
import { remove } from "../verbs/remove.ts";

/** More evictions than these that the controller has not seen yet mean that it is not there. */
const mostDisruptedPods = 2000;

const violated = "Cannot evict pod as it would violate the pod's disruption budget.";

/** Answers a POST of a pod's eviction (policy/v1): a deletion that disruption budgets may put off with a 429. */
export async function evict(context: Context, call: Call, target: Target): Promise<Answer> {
  const body = await decodeBody(call);
  const sent = body !== undefined && isObject(body.value) ? body.value : {};
  const named = text(child(sent, "metadata"), "name");
  if (named !== undefined && named !== target.name)
    throw badRequest("name in URL does not match name in Eviction object");
  const options = deleteOptions(call, child(sent, "deleteOptions") ?? {});
  const isTrial = dryRun(options).includes("All");
  const pod = found(context, target);
  if (isGuarded(pod)) takeDisruption(context, pod, isTrial);
  // Whoever insists on a version of the pod gets it deleted as it is.
  if (!isTrial && child(options, "preconditions")?.["resourceVersion"] === undefined)
    noteDisruption(context, target, pod);
  await remove(
    context,
    { ...call, readBody: async () => ({ kind: "value", value: options }) },
    { ...target, subresource: undefined },
  );
  return json(201, created());
}

/** The options of the deletion: a dry run may be asked for in the query as well. */
function deleteOptions(call: Call, sent: JsonObject): JsonObject {
  const asked = call.query.getAll("dryRun");
  const present = dryRun(sent);
  if (asked.length === 0 || present.join() === asked.join()) return sent;
  if (present.length === 0) return { ...sent, dryRun: asked };
  throw badRequest(
    `Non-matching dry-run options in request and content: [${asked.join(" ")}] and [${present.join(" ")}]`,
  );
}

function dryRun(options: JsonObject): readonly string[] {
  return Array.isArray(options["dryRun"]) ? options["dryRun"].map(String) : [];
}

/** A pod that has ended, has not begun or is on its way out is missed by nobody. */
function isGuarded(pod: KubeObject): boolean {
  const phase = text(child(pod, "status"), "phase") ?? "";
  return !["Succeeded", "Failed", "Pending"].includes(phase) && pod.metadata.deletionTimestamp === undefined;
}

/** Counts the eviction against the pod's budget. Throws a 429 when the budget has none left. */
function takeDisruption(context: Context, pod: KubeObject, isTrial: boolean): void {
  const budgets = context.store.resource("poddisruptionbudgets.policy");
  const { namespace = "", labels, name } = pod.metadata;
  const [budget, other] = budgets
    .list(namespace)
    .filter((one) =>
      matchesLabelSelector(child(child(one, "spec"), "selector") as LabelSelector | undefined, labels),
    );
  if (budget === undefined) return;
  if (other !== undefined)
    throw impossible(
      "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.",
    );
  if (isUnhealthy(pod) && mayGoUnhealthy(budget)) return;
  requireDisruption(budget);
  if (isTrial) return;
  const draft = draftOf(budget);
  const status = ensure(draft, "status");
  const now = timestamp(context.clock.now());
  const left = (number(status, "disruptionsAllowed") ?? 0) - 1;
  status["disruptionsAllowed"] = left;
  status["disruptedPods"] = { ...child(status, "disruptedPods"), [name]: now };
  if (left === 0)
    for (const condition of children(status, "conditions"))
      if (condition["type"] === "DisruptionAllowed")
        Object.assign(condition, { status: "False", reason: "InsufficientPods", lastTransitionTime: now });
  budgets.put(keyOf(budget.metadata.name, namespace), draft);
}

function isUnhealthy(pod: KubeObject): boolean {
  const ready = children(child(pod, "status"), "conditions").find(({ type }) => type === "Ready");
  return ready?.["status"] !== "True";
}

/** Whether a pod that is not ready may go without being counted. */
function mayGoUnhealthy(budget: KubeObject): boolean {
  if (child(budget, "spec")?.["unhealthyPodEvictionPolicy"] === "AlwaysAllow") return true;
  const status = child(budget, "status");
  const desired = number(status, "desiredHealthy") ?? 0;
  return desired > 0 && (number(status, "currentHealthy") ?? 0) >= desired;
}

/** Throws unless the budget has a disruption left. */
function requireDisruption(budget: KubeObject): void {
  const { name, generation = 0 } = budget.metadata;
  const status = child(budget, "status");
  const because = (message: string): readonly Cause[] => [{ reason: "DisruptionBudget", field: "", message }];
  if ((number(status, "observedGeneration") ?? 0) < generation)
    throw tooManyRequests(
      violated,
      because(`The disruption budget ${name} is still being processed by the server.`),
      1,
    );
  const allowed = number(status, "disruptionsAllowed") ?? 0;
  const resource = { group: "policy", plural: "poddisruptionbudget" };
  if (allowed < 0) throw forbidden(resource, name, "pdb disruptions allowed is negative");
  if (Object.keys(child(status, "disruptedPods") ?? {}).length > mostDisruptedPods)
    throw forbidden(
      resource,
      name,
      "DisruptedPods map too big - too many evictions not confirmed by PDB controller",
    );
  if (allowed === 0) throw tooManyRequests(violated, because(whyNone(name, status)));
}

function whyNone(name: string, status: JsonObject | undefined): string {
  const condition = children(status, "conditions").find(({ type }) => type === "DisruptionAllowed");
  if (condition?.["reason"] === "SyncFailed")
    return `The disruption budget ${name} does not allow evicting pods currently because it failed sync: ${text(condition, "message") ?? ""}`;
  const desired = number(status, "desiredHealthy") ?? 0;
  const current = number(status, "currentHealthy") ?? 0;
  return current <= desired
    ? `The disruption budget ${name} needs ${desired} healthy pods and has ${current} currently`
    : `The disruption budget ${name} does not allow evicting pods currently`;
}

/** Says on the pod why it will be deleted. */
function noteDisruption(context: Context, target: Target, pod: KubeObject): void {
  if (pod.metadata.deletionTimestamp !== undefined) return;
  const draft = draftOf(pod);
  const status = ensure(draft, "status");
  const rest = children(status, "conditions").filter(({ type }) => type !== "DisruptionTarget");
  status["conditions"] = [
    ...rest,
    {
      type: "DisruptionTarget",
      status: "True",
      reason: "EvictionByEvictionAPI",
      message: "Eviction API: evicting",
      lastProbeTime: null,
      lastTransitionTime: timestamp(context.clock.now()),
    },
  ];
  context.store.resource(target.type.storedAs).put(keyOf(pod.metadata.name, pod.metadata.namespace), draft);
}
