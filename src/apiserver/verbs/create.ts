import type { KubeObject } from "../../kube/index.ts";
import { admissionRequest } from "../admission/admission.ts";
import { requireNamespace } from "../admission/namespace-lifecycle.ts";
import { validateCustomObject } from "../custom-resources/validate-custom-object.ts";
import { child, type Draft } from "../draft.ts";
import type { Answer, Call } from "../http/call.ts";
import { decodeBody } from "../http/decode-body.ts";
import { alreadyExists, badRequest, type Cause, invalid } from "../status.ts";
import { type Context, keyOf, type Target, timestamp } from "./context.ts";
import { takeIn, withDefaults } from "./incoming.ts";
import { noteChangedFields } from "./managed-fields.ts";
import { generateName, metadataCauses, setSystemFields } from "./metadata.ts";
import { objectAnswer } from "./present.ts";
import { optionsObject, type WriteOptions, writeOptions } from "./write-options.ts";

/** Answers a POST to a collection. */
export async function create(context: Context, call: Call, target: Target): Promise<Answer> {
  const options = writeOptions(call);
  const body = await decodeBody(call);
  if (body === undefined) throw badRequest("the request has no body");
  const incoming = { options, warn: (text: string) => call.warn(text) };
  const draft = withDefaults(context, target.type, takeIn(context, target, body, incoming));
  const object = await createObject(context, call, target, draft, options);
  return objectAnswer(context, call, target.type, 201, object);
}

/** Stores a new object: admission, system fields, validation. `managed` says that its field owners are noted already. */
export async function createObject(
  context: Context,
  call: Call,
  target: Target,
  incoming: Draft,
  options: WriteOptions,
  managed = false,
): Promise<KubeObject> {
  const { type } = target;
  const rules = context.ruleContext((text) => call.warn(text));
  const owners = incoming.metadata.managedFields;
  setSystemFields(incoming, timestamp(context.clock.now()));
  if (managed && owners !== undefined) incoming.metadata.managedFields = owners;
  const request = admissionRequest(call, {
    operation: "CREATE",
    type,
    subresource: undefined,
    namespace: incoming.metadata.namespace,
    name: incoming.metadata.name,
    old: undefined,
    dryRun: options.dryRun,
    options: optionsObject("CreateOptions", options),
  });
  const admitted = await context.admission.mutate(request, incoming);
  const draft = admitted === incoming ? incoming : withDefaults(context, type, admitted);
  clearStatus(target, draft);
  generateName(draft);
  if (type.strategy.countsGenerations === true || type.custom !== undefined) draft.metadata.generation = 1;
  type.strategy.prepareCreate?.(draft, rules);

  const causes: Cause[] = [
    ...metadataCauses(type, draft),
    ...(type.custom === undefined ? [] : await validateCustomObject(context.schemaOf(type), draft)),
    ...(type.strategy.validate?.(draft, rules) ?? []),
  ];
  if (causes.length > 0) throw invalid(type, draft.metadata.name, causes);
  if (!managed)
    noteChangedFields(context, type, draft, undefined, {
      manager: options.fieldManager,
      subresource: undefined,
    });
  request.name = draft.metadata.name;
  await context.admission.validate(request, draft);

  // Nothing happens between these checks and the change, since there is no wait between them.
  requireNamespace(context.store, type, draft.metadata.name, draft.metadata.namespace);
  const resource = context.store.resource(type.storedAs);
  const key = keyOf(draft.metadata.name, draft.metadata.namespace);
  if (resource.get(key) !== undefined) throw alreadyExists(type, draft.metadata.name);
  context.hooks.get(type.storedAs)?.beforePut?.(draft, undefined, options.dryRun);
  context.admission.charge(request, draft);
  return options.dryRun ? draft : resource.put(key, draft);
}

/** What a new object says about its status is nobody's word; nodes alone report themselves in. */
function clearStatus({ type }: Target, draft: Draft): void {
  const hasStatus = type.subresources.some(({ name }) => name === "status");
  if (!hasStatus || type.storedAs === "nodes" || child(draft, "status") === undefined) return;
  delete draft["status"];
}
