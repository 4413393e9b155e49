import { invalidValue } from "../causes.ts";
import { child, isObject, number, text, texts } from "../draft.ts";
import { type Answer, type Call, json } from "../http/call.ts";
import { decodeBody } from "../http/decode-body.ts";
import { badRequest, conflict, invalid, notFound } from "../status.ts";
import { type Context, keyOf, type Target, timestamp } from "../verbs/context.ts";
import { found } from "../verbs/read.ts";
import { type ServiceAccountTokens, type TokenBinding, tokenIssuer } from "./service-account-tokens.ts";

const shortest = 600;
const defaultSeconds = 3600;
const longest = 2 ** 32;

const bindable = { Pod: "pods", Secret: "secrets", Node: "nodes" } as const;

/** Answers a POST of serviceaccounts/NAME/token (TokenRequest): a token for audiences, bound to a pod or secret. */
export async function requestToken(
  context: Context,
  tokens: ServiceAccountTokens,
  call: Call,
  target: Target,
): Promise<Answer> {
  const account = found(context, target);
  const body = await decodeBody(call);
  const sent = body !== undefined && isObject(body.value) ? body.value : {};
  const spec = child(sent, "spec");
  const seconds = number(spec, "expirationSeconds") ?? defaultSeconds;
  const { name, namespace = "", uid = "" } = account.metadata;
  if (!Number.isInteger(seconds) || seconds < shortest || seconds > longest)
    throw invalid({ group: "authentication.k8s.io", kind: "TokenRequest" }, "", [
      invalidValue(
        "spec.expirationSeconds",
        seconds,
        seconds < shortest
          ? "may not specify a duration less than 10 minutes"
          : "may not specify a duration larger than 2^32 seconds",
      ),
    ]);
  const asked = texts(spec, "audiences");
  const audiences = asked.length === 0 ? [tokenIssuer] : asked;
  const bound = boundObject(context, namespace, name, child(spec, "boundObjectRef"));
  const now = context.clock.now();
  const token = tokens.issue({ namespace, name, uid }, { audiences, seconds, now, ...bound });
  return json(201, {
    kind: "TokenRequest",
    apiVersion: "authentication.k8s.io/v1",
    metadata: { name, namespace, creationTimestamp: timestamp(now) },
    spec: { audiences, expirationSeconds: seconds, boundObjectRef: child(spec, "boundObjectRef") ?? null },
    status: { token, expirationTimestamp: timestamp(now + seconds * 1000) },
  });
}

type Bound = {
  readonly binding?: TokenBinding;
  readonly node?: { readonly name: string; readonly uid: string | undefined };
};

function boundObject(
  context: Context,
  namespace: string,
  account: string,
  reference: Record<string, unknown> | undefined,
): Bound {
  if (reference === undefined) return {};
  const kind = (["Pod", "Secret", "Node"] as const).find((one) => one === text(reference, "kind"));
  if (kind === undefined)
    throw badRequest(`cannot bind token to object of type ${text(reference, "kind") ?? ""}`);
  const name = text(reference, "name") ?? "";
  const resource = bindable[kind];
  const object = context.store.resource(resource).get(keyOf(name, kind === "Node" ? undefined : namespace));
  if (object === undefined) throw notFound({ group: "", plural: resource }, name);
  const uid = text(reference, "uid") ?? "";
  if (uid !== "" && uid !== object.metadata.uid)
    throw conflict(
      { group: "", plural: resource },
      name,
      `the UID in the bound object reference (${uid}) does not match the UID in record. The object might have been deleted and then recreated`,
    );
  const binding = { kind, name, uid: object.metadata.uid ?? "" };
  if (kind !== "Pod") return { binding };
  const spec = child(object, "spec");
  if ((text(spec, "serviceAccountName") || "default") !== account)
    throw badRequest(
      `cannot bind token for serviceaccount ${JSON.stringify(account)} to pod running with different serviceaccount name.`,
    );
  const node = text(spec, "nodeName") ?? "";
  if (node === "") return { binding };
  return { binding, node: { name: node, uid: context.store.resource("nodes").get(node)?.metadata.uid } };
}
