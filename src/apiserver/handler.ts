import { apiVersionOf } from "../kube/index.ts";
import type { ApiDiscovery } from "./api-discovery/api-discovery.ts";
import { healthAnswer, versionAnswer } from "./api-discovery/api-discovery.ts";
import type { OpenApi } from "./api-discovery/open-api.ts";
import type { Authenticator } from "./authentication/authenticate.ts";
import { review } from "./authentication/reviews.ts";
import { type ServiceAccountTokens, tokenIssuer } from "./authentication/service-account-tokens.ts";
import { requestToken } from "./authentication/token-request.ts";
import type { Attributes, Authorizer } from "./authorization/authorizer.ts";
import { refusal } from "./authorization/refusal.ts";
import type { PodConnector } from "./contracts.ts";
import { type Answer, type Call, json } from "./http/call.ts";
import { type RequestTarget, requestTarget } from "./http/request-target.ts";
import { nodePage } from "./resource-metrics/node-page.ts";
import { resourceMetrics } from "./resource-metrics/resource-metrics.ts";
import { badRequest, methodNotAllowed, unknownPath } from "./status.ts";
import { aggregatedService, forwardToAggregated } from "./subresources/aggregated-api.ts";
import { bind } from "./subresources/binding.ts";
import { evict } from "./subresources/eviction.ts";
import { proxy } from "./subresources/http-proxy.ts";
import { podLog } from "./subresources/logs.ts";
import { partOf } from "./subresources/parts.ts";
import type { Context, Target } from "./verbs/context.ts";
import { create } from "./verbs/create.ts";
import { patch } from "./verbs/patch.ts";
import { objectAnswer } from "./verbs/present.ts";
import { found, get, list } from "./verbs/read.ts";
import { remove, removeCollection } from "./verbs/remove.ts";
import { replace } from "./verbs/replace.ts";
import { watch } from "./verbs/watch.ts";

/** What answering needs: the objects, who may do what, the documents, and the way to pods and Services. */
export interface HandlerParts {
  readonly context: Context;
  readonly authenticator: Authenticator;
  readonly authorizer: Authorizer;
  readonly tokens: ServiceAccountTokens;
  readonly apiDiscovery: ApiDiscovery;
  readonly openApi: OpenApi;
  readonly pods: PodConnector;
  dial(address: string, port: number): import("node:net").Socket;
  readonly kubernetesVersion: string;
  /** The page of metrics. */
  metrics(): string;
}

type ResourceTarget = Extract<RequestTarget, { kind: "resource" }>;

/** Answers calls: authorization first, then the path. Throws Status errors. */
export function createHandler(parts: HandlerParts): (call: Call) => Answer | Promise<Answer> {
  return (call) => {
    const target = requestTarget(call.path);
    const attributes = attributesOf(call, target);
    if (!parts.authorizer.authorize(call.user, attributes).allowed) throw refusal(call.user, attributes);
    return target.kind === "path"
      ? answerPath(parts, call)
      : answerResource(parts, call, target, attributes.verb);
  };
}

/** What a call wants to do, in the words of authorization rules. */
export function attributesOf(call: Call, target: RequestTarget): Attributes {
  if (target.kind === "path") return { verb: call.method.toLowerCase(), path: target.path };
  const { group, plural, subresource, namespace } = target;
  const name = target.name ?? fieldSelectorName(call.query);
  return {
    verb: verbOf(call, target),
    resource: {
      group,
      plural,
      ...(subresource === undefined ? {} : { subresource }),
      ...(name === undefined ? {} : { name }),
      // A namespace is its own place: who may read it there may read it here.
      namespace: plural === "namespaces" && group === "" ? target.name : namespace,
    },
  };
}

function fieldSelectorName(query: URLSearchParams): string | undefined {
  if (query.size === 0) return undefined;
  return /(?:^|,)metadata\.name==?([^,]+)/.exec(query.get("fieldSelector") ?? "")?.[1];
}

function isWatch(call: Call, target: ResourceTarget): boolean {
  if (target.watch) return true;
  if (call.query.size === 0) return false;
  const value = call.query.get("watch");
  return value === "true" || value === "1" || value === "";
}

function verbOf(call: Call, target: ResourceTarget): string {
  switch (call.method) {
    case "GET":
    case "HEAD":
      if (target.name !== undefined && !target.watch) return "get";
      return isWatch(call, target) ? "watch" : "list";
    case "POST":
      return "create";
    case "PUT":
      return "update";
    case "PATCH":
      return "patch";
    case "DELETE":
      return target.name === undefined ? "deletecollection" : "delete";
    default:
      return call.method.toLowerCase();
  }
}

function answerPath(parts: HandlerParts, call: Call): Answer | Promise<Answer> {
  if (call.method !== "GET" && call.method !== "HEAD") throw methodNotAllowed();
  const { path } = call;
  const found = parts.apiDiscovery.answer(call);
  if (found !== undefined) return found;
  if (path === "/version" || path === "/version/") return versionAnswer(parts.kubernetesVersion);
  if (/^\/(healthz|livez|readyz)(\/|$)/.test(path)) return healthAnswer(call);
  if (path === "/metrics")
    return {
      kind: "text",
      status: 200,
      body: parts.metrics(),
      headers: { "content-type": "text/plain; version=0.0.4" },
    };
  if (path.startsWith("/openapi/")) return parts.openApi.answer(call);
  if (path === "/openid/v1/jwks")
    return json(200, parts.tokens.keySet(), { "content-type": "application/jwk-set+json" });
  if (path === "/.well-known/openid-configuration")
    return json(200, {
      issuer: tokenIssuer,
      jwks_uri: `${tokenIssuer}/openid/v1/jwks`,
      response_types_supported: ["id_token"],
      subject_types_supported: ["public"],
      id_token_signing_alg_values_supported: ["ES256"],
    });
  if (path === "/")
    return json(200, {
      paths: [
        "/api",
        "/apis",
        "/healthz",
        "/livez",
        "/metrics",
        "/openapi/v2",
        "/openapi/v3",
        "/readyz",
        "/version",
      ],
    });
  throw unknownPath();
}

function answerResource(
  parts: HandlerParts,
  call: Call,
  requested: ResourceTarget,
  verb: string,
): Answer | Promise<Answer> {
  const { context } = parts;
  const { group, version, plural, namespace, name, subresource, rest } = requested;
  const type = context.registry.find(group, version, plural);
  if (type === undefined) {
    const service = aggregatedService(context, group, version);
    if (service === undefined) throw unknownPath();
    return forwardToAggregated(parts, call, service);
  }
  if (!type.namespaced && namespace !== undefined) throw unknownPath();
  if (type.namespaced && namespace === undefined && name !== undefined) throw unknownPath();
  const target: Target = { type, namespace, name, subresource };
  if (type.deprecationWarning !== undefined) call.warn(type.deprecationWarning);
  if (subresource !== undefined) return answerSubresource(parts, call, target, rest ?? "");
  if (plural === "bindings" && group === "" && verb === "create") return bind(context, call, target);
  if (type.review === true) {
    if (verb !== "create") throw methodNotAllowed();
    return review(parts, call, target);
  }
  if (!type.verbs.some((one) => one === verb)) throw methodNotAllowed();
  if (type.measured === true) return resourceMetrics(context, parts.pods, call, target);
  switch (verb) {
    case "get":
      return get(context, call, target);
    case "list":
      return list(context, call, target);
    case "watch":
      return watch(context, call, named(call, target));
    case "create":
      if (type.namespaced && namespace === undefined)
        throw badRequest(
          `an empty namespace may not be set during creation of ${apiVersionOf(type)} ${type.kind}`,
        );
      return create(context, call, target);
    case "update":
      return replace(context, call, target);
    case "patch":
      return patch(context, call, target);
    case "delete":
      return remove(context, call, target);
    default:
      return removeCollection(context, call, target);
  }
}

/** The old form /watch/.../NAME is a watch of a collection with one name. */
function named(call: Call, target: Target): Target {
  if (target.name !== undefined) call.query.set("fieldSelector", `metadata.name=${target.name}`);
  return { ...target, name: undefined };
}

function answerSubresource(
  parts: HandlerParts,
  call: Call,
  target: Target,
  rest: string,
): Answer | Promise<Answer> {
  const { context } = parts;
  const { type, subresource } = target;
  const known = type.subresources.find(({ name }) => name === subresource);
  if (known === undefined) throw unknownPath();
  if (subresource === "proxy" && type.plural === "nodes") return nodePage(context, parts.pods, target, rest);
  if (subresource === "proxy") return proxy(parts, call, target, rest);
  const actions: Readonly<Record<string, () => Answer | Promise<Answer>>> = {
    "GET log": () => podLog(context, parts.pods, call, target),
    "POST eviction": () => evict(context, call, target),
    "POST binding": () => bind(context, call, target),
    "POST token": () => requestToken(context, parts.tokens, call, target),
  };
  const action = actions[`${call.method} ${subresource}`];
  if (action !== undefined) return action();
  if (subresource === "exec" || subresource === "attach" || subresource === "portforward")
    throw badRequest("Upgrade request required");
  switch (call.method) {
    case "GET":
    case "HEAD": {
      if (!known.verbs.includes("get")) throw methodNotAllowed();
      const part = partOf(type, subresource);
      return objectAnswer(context, call, part.bodyType, 200, part.read(found(context, target)));
    }
    case "PUT":
      if (!known.verbs.includes("update")) throw methodNotAllowed();
      return replace(context, call, target);
    case "PATCH":
      if (!known.verbs.includes("patch")) throw methodNotAllowed();
      return patch(context, call, target);
    default:
      throw methodNotAllowed();
  }
}
