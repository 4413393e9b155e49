import type { KubeObject } from "../../kube/index.ts";
import type { PodConnector } from "../contracts.ts";
import { child, children, text } from "../draft.ts";
import type { Answer, Call } from "../http/call.ts";
import { badRequest } from "../status.ts";
import type { Context, Target } from "../verbs/context.ts";
import { found } from "../verbs/read.ts";

/** Answers a GET of a pod's log: the text so far, or a stream that goes on with `follow`. */
export async function podLog(
  context: Context,
  pods: PodConnector,
  call: Call,
  target: Target,
): Promise<Answer> {
  const pod = found(context, target);
  const container = containerOf(pod, call.query.get("container") ?? "");
  const follow = call.query.get("follow") === "true";
  const sinceTime = call.query.get("sinceTime");
  const chunks = pods.logs(
    { namespace: pod.metadata.namespace ?? "", name: pod.metadata.name },
    container,
    {
      follow,
      ...wholeNumber(call.query, "tailLines"),
      ...wholeNumber(call.query, "sinceSeconds"),
      ...wholeNumber(call.query, "limitBytes"),
      ...(sinceTime === null ? {} : { sinceTime }),
      timestamps: call.query.get("timestamps") === "true",
      previous: call.query.get("previous") === "true",
    },
    call.signal,
  );
  const iterator = chunks[Symbol.asyncIterator]();
  const headers = { "content-type": "text/plain" };
  // A pod that has no log yet says so before the answer begins, unless one waits for it to speak.
  const first = follow ? undefined : await iterator.next();
  return { kind: "stream", status: 200, headers, chunks: resumed(first, iterator) };
}

async function* resumed(
  first: IteratorResult<Uint8Array> | undefined,
  iterator: AsyncIterator<Uint8Array>,
): AsyncIterable<Uint8Array> {
  try {
    for (let result = first ?? (await iterator.next()); result.done !== true; result = await iterator.next())
      yield result.value;
  } finally {
    await iterator.return?.();
  }
}

function wholeNumber<Name extends string>(
  query: URLSearchParams,
  name: Name,
): { readonly [Key in Name]?: number } {
  const value = query.get(name);
  if (value === null || value === "") return {};
  const parsed = Number(value);
  if (!Number.isInteger(parsed) || parsed < 0)
    throw badRequest(
      `${name}: Invalid value: ${JSON.stringify(value)}: must be a whole number that is not negative`,
    );
  return { [name]: parsed } as { readonly [Key in Name]?: number };
}

/** The container that is meant: the one named, the pod's default, or its only one. Throws a 400. */
export function containerOf(pod: KubeObject, name: string): string {
  const spec = child(pod, "spec");
  const listed = (list: string) => children(spec, list).map((container) => text(container, "name") ?? "");
  const main = listed("containers");
  const init = listed("initContainers");
  const all = [...main, ...init, ...listed("ephemeralContainers")];
  if (name !== "") {
    if (all.includes(name)) return name;
    throw badRequest(`container ${name} is not valid for pod ${pod.metadata.name}`);
  }
  const preferred = pod.metadata.annotations?.["kubectl.kubernetes.io/default-container"] ?? "";
  if (all.includes(preferred)) return preferred;
  const [only] = main;
  if (only !== undefined && main.length === 1) return only;
  const others = init.length === 0 ? "" : ` or one of the init containers: [${init.join(" ")}]`;
  throw badRequest(
    `a container name must be specified for pod ${pod.metadata.name}, choose one of: [${main.join(" ")}]${others}`,
  );
}
