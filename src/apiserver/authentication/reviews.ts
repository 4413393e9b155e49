import type { Attributes, Authorizer } from "../authorization/authorizer.ts";
import type { User } from "../contracts.ts";
import { child, isObject, type JsonObject, text, texts } from "../draft.ts";
import { type Answer, type Call, json } from "../http/call.ts";
import { decodeBody } from "../http/decode-body.ts";
import { badRequest } from "../status.ts";
import type { Target } from "../verbs/context.ts";
import type { Authenticator } from "./authenticate.ts";
import { tokenIssuer } from "./service-account-tokens.ts";

interface Parts {
  readonly authenticator: Authenticator;
  readonly authorizer: Authorizer;
}

/** Answers a POST of a review kind: who somebody is, or what somebody may do. Nothing is stored. */
export async function review(parts: Parts, call: Call, target: Target): Promise<Answer> {
  const body = await decodeBody(call);
  if (body === undefined || !isObject(body.value)) throw badRequest("the request has no body");
  const sent = body.value;
  const { kind, group, version } = target.type;
  const spec = child(sent, "spec") ?? {};
  const status = statusFor(parts, call, target, spec);
  const answer: JsonObject = {
    kind,
    apiVersion: `${group}/${version}`,
    metadata: { ...child(sent, "metadata"), creationTimestamp: null },
    ...(kind === "SelfSubjectReview" ? {} : { spec }),
    status,
  };
  return json(201, answer);
}

function statusFor(
  { authenticator, authorizer }: Parts,
  call: Call,
  { type, namespace }: Target,
  spec: JsonObject,
): object {
  switch (type.kind) {
    case "SelfSubjectReview":
      return { userInfo: userInfo(call.user) };
    case "TokenReview": {
      const asked = texts(spec, "audiences");
      const token = text(spec, "token") ?? "";
      const found = authenticator.tokenUser(token, asked.length === 0 ? [tokenIssuer] : asked);
      if (found === undefined)
        return { authenticated: false, user: {}, error: "[invalid bearer token, unknown or expired]" };
      return { authenticated: true, user: userInfo(found.user), audiences: found.audiences };
    }
    case "SelfSubjectRulesReview":
      return rulesStatus(authorizer, call.user, text(spec, "namespace") ?? "default");
    case "SelfSubjectAccessReview":
      return decision(authorizer, call.user, attributesOf(spec));
    case "LocalSubjectAccessReview":
    case "SubjectAccessReview": {
      const place = text(child(spec, "resourceAttributes"), "namespace") ?? "";
      if (type.kind === "LocalSubjectAccessReview" && place !== (namespace ?? ""))
        throw badRequest(`spec.resourceAttributes.namespace must match namespace: ${namespace}`);
      return decision(authorizer, subjectOf(spec), attributesOf(spec));
    }
    default:
      throw badRequest(`${type.kind} is no review`);
  }
}

function userInfo({ name, uid, groups, extra }: User): object {
  return {
    username: name,
    ...(uid === undefined ? {} : { uid }),
    groups,
    ...(extra === undefined ? {} : { extra }),
  };
}

function subjectOf(spec: JsonObject): User {
  const name = text(spec, "user") ?? "";
  const groups = texts(spec, "groups");
  if (name === "" && groups.length === 0)
    throw badRequest('spec.user: Invalid value: "": at least one of user or group must be specified');
  return { name, groups };
}

function attributesOf(spec: JsonObject): Attributes {
  const resource = child(spec, "resourceAttributes");
  if (resource !== undefined) {
    const subresource = text(resource, "subresource") ?? "";
    const name = text(resource, "name") ?? "";
    return {
      verb: text(resource, "verb") ?? "",
      resource: {
        group: text(resource, "group") ?? "",
        plural: text(resource, "resource") ?? "",
        namespace: text(resource, "namespace") ?? "",
        ...(subresource === "" ? {} : { subresource }),
        ...(name === "" ? {} : { name }),
      },
    };
  }
  const path = child(spec, "nonResourceAttributes");
  if (path === undefined)
    throw badRequest(
      "exactly one of spec.resourceAttributes or spec.nonResourceAttributes must be specified",
    );
  return { verb: text(path, "verb") ?? "", path: text(path, "path") ?? "" };
}

function decision(authorizer: Authorizer, user: User, attributes: Attributes): object {
  const { allowed, reason } = authorizer.authorize(user, attributes);
  return { allowed, ...(reason === "" ? {} : { reason }) };
}

function rulesStatus(authorizer: Authorizer, user: User, namespace: string): object {
  const rules = authorizer.rulesFor(user, namespace);
  return {
    resourceRules: rules
      .filter(({ nonResourceURLs = [] }) => nonResourceURLs.length === 0)
      .map(({ verbs = [], apiGroups = [], resources = [], resourceNames }) => ({
        verbs,
        apiGroups,
        resources,
        ...(resourceNames === undefined ? {} : { resourceNames }),
      })),
    nonResourceRules: rules
      .filter(({ nonResourceURLs = [] }) => nonResourceURLs.length > 0)
      .map(({ verbs = [], nonResourceURLs = [] }) => ({ verbs, nonResourceURLs })),
    incomplete: false,
  };
}
