import { apiVersionOf, type KubeObject } from "../../kube/index.ts";
import type { Answer, Call } from "../http/call.ts";
import { badRequest, expired, notFound, versionTooLarge } from "../status.ts";
import { inVersion } from "../storage/in-version.ts";
import { type Context, keyOf, type Target } from "./context.ts";
import { listAnswer, objectAnswer } from "./present.ts";
import { selectionOf } from "./selection.ts";

/** Answers a GET of one object. */
export function get(context: Context, call: Call, target: Target): Answer {
  return objectAnswer(context, call, target.type, 200, found(context, target));
}

/** The stored object that a path names. Throws a 404. */
export function found(context: Context, { type, name = "", namespace }: Target): KubeObject {
  const object = context.store.resource(type.storedAs).get(keyOf(name, namespace));
  if (object === undefined) throw notFound(type, name);
  return object;
}

/** Where a list goes on: the version it shows and the key after which it goes on. */
interface Continuation {
  readonly version: number;
  readonly after: string;
}

/**
 * Answers a GET of a collection. A list that comes in pages shows one moment: later pages are the state at the
 * first, rebuilt from the history; when that has been forgotten the answer is 410 with a token for the rest.
 */
export function list(context: Context, call: Call, target: Target): Answer {
  const { type, namespace } = target;
  const resource = context.store.resource(type.storedAs);
  const selection = selectionOf(type, call.query);
  const limit = numberOf(call.query, "limit");
  const token = call.query.get("continue") ?? "";
  const exact = call.query.get("resourceVersionMatch") === "Exact";
  const asked = numberOf(call.query, "resourceVersion");
  const resumed = token === "" ? undefined : decodeToken(token);
  if (asked > context.store.version) throw versionTooLarge(asked, context.store.version);

  const version = resumed?.version ?? (exact && asked > 0 ? asked : context.store.version);
  let objects: readonly KubeObject[] | undefined;
  if (selection.name !== undefined && version === context.store.version) {
    const one = resource.get(keyOf(selection.name, type.namespaced ? namespace : undefined));
    objects = one !== undefined ? [one] : type.namespaced && namespace === undefined ? resource.list() : [];
  } else if (version === context.store.version || version === 0) objects = resource.list(namespace);
  else objects = resource.listAt(version, namespace);
  if (objects === undefined) {
    if (resumed === undefined) throw expired(`The resourceVersion for the provided list is too old.`);
    throw expired(staleToken, encodeToken({ ...resumed, version: context.store.version }));
  }
  if (resumed !== undefined) {
    const { after } = resumed;
    objects = objects.filter((object) => keyOf(object.metadata.name, object.metadata.namespace) > after);
  }
  const selected = selection.all ? objects : objects.filter((object) => selection.matches(object));
  const isCut = limit > 0 && selected.length > limit;
  const page = isCut ? selected.slice(0, limit) : selected;
  const last = page.at(-1);
  return listAnswer(context, call, type, {
    kind: "list",
    apiVersion: apiVersionOf(type),
    listKind: type.listKind,
    metadata: {
      resourceVersion: String(version === 0 ? context.store.version : version),
      ...(isCut && last !== undefined
        ? {
            continue: encodeToken({ version, after: keyOf(last.metadata.name, last.metadata.namespace) }),
            // Kubernetes does not count what selectors would leave.
            ...(selection.all ? { remainingItemCount: selected.length - page.length } : {}),
          }
        : {}),
    },
    items: page.map((object) => inVersion(type, object)),
  });
}

const staleToken =
  "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.";

/** A number from a query, 0 when absent. Throws a 400 when it is none. */
export function numberOf(query: URLSearchParams, name: string): number {
  const text = query.get(name) ?? "";
  if (text === "") return 0;
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw badRequest(`invalid ${name}: ${JSON.stringify(text)} is not a number`);
}

function encodeToken({ version, after }: Continuation): string {
  return Buffer.from(JSON.stringify({ v: "meta.k8s.io/v1", rv: version, start: after })).toString(
    "base64url",
  );
}

function decodeToken(token: string): Continuation {
  try {
    const { rv, start } = JSON.parse(Buffer.from(token, "base64url").toString()) as {
      rv: unknown;
      start: unknown;
    };
    if (typeof rv === "number" && typeof start === "string") return { version: rv, after: start };
  } catch {
    // Said below.
  }
  throw badRequest("continue key is not valid");
}
