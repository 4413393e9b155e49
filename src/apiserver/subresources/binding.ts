import { child, children, type Draft, draftOf, ensure, isObject, text } from "../draft.ts";
import { type Answer, type Call, json } from "../http/call.ts";
import { decodeBody } from "../http/decode-body.ts";
import { badRequest, conflict, created, notFound } from "../status.ts";
import { type Context, keyOf, type Target, timestamp } from "../verbs/context.ts";

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
