import { cloneJson, type Draft } from "../draft.ts";
import type { Answer, Call } from "../http/call.ts";
import { decodeBody } from "../http/decode-body.ts";
import { badRequest } from "../status.ts";
import { partOf } from "../subresources/parts.ts";
import { type Context, keyOf, type Target } from "./context.ts";
import { createObject } from "./create.ts";
import { takeIn, withDefaults } from "./incoming.ts";
import { objectAnswer } from "./present.ts";
import { updateObject } from "./update.ts";
import { writeOptions } from "./write-options.ts";

/** Answers a PUT of an object or of a part of it. */
export async function replace(context: Context, call: Call, target: Target): Promise<Answer> {
  const options = writeOptions(call);
  const body = await decodeBody(call);
  if (body === undefined) throw badRequest("the request has no body");
  const { type, name = "", namespace } = target;
  const part = partOf(type, target.subresource);
  const incoming = { options, warn: (text: string) => call.warn(text) };
  const sent = takeIn(context, { ...target, type: part.bodyType }, body, incoming);
  const missing = context.store.resource(type.storedAs).get(keyOf(name, namespace)) === undefined;
  if (missing && target.subresource === undefined && type.strategy.createsOnUpdate === true) {
    delete sent.metadata.uid;
    const object = await createObject(context, call, target, withDefaults(context, type, sent), options);
    return objectAnswer(context, call, type, 201, object);
  }
  const stored = await updateObject(
    context,
    call,
    target,
    {
      part: part.changes,
      optionsKind: "UpdateOptions",
      next: (old) => {
        const draft = part.write(old, cloneJson(sent) as Draft);
        return withDefaults(context, type, draft);
      },
    },
    options,
  );
  return objectAnswer(context, call, part.bodyType, 200, part.read(stored));
}
