import { ApiError, type Status } from "../kube/index.ts";

/** One thing wrong with one field of an object, in the form that Status details carry. */
export interface Cause {
  readonly reason: string;
  /** Without the field's name: "Required value", "Invalid value: 70000: must be between 1 and 65535, inclusive". */
  readonly message: string;
  /** "spec.ports[0].port" */
  readonly field: string;
}

/** The resource an error is about. */
export interface ResourceName {
  /** "" for the core group. */
  readonly group: string;
  readonly plural: string;
}

/** The kind an error is about. */
export interface KindName {
  readonly group: string;
  readonly kind: string;
}

type Details = NonNullable<Status["details"]>;

/** The text that Kubernetes answers when an update was made from an old version of the object. */
export const staleObject =
  "the object has been modified; please apply your changes to the latest version and try again";

function failure(code: number, reason: string | undefined, message: string, details?: Details): ApiError {
  return new ApiError({
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    message,
    ...(reason === undefined ? {} : { reason }),
    ...(details === undefined ? {} : { details }),
    code,
  });
}

/** "deployments.apps", or "pods" for the core group. */
function qualifiedName({ group, plural }: ResourceName): string {
  return group === "" ? plural : `${plural}.${group}`;
}

function about({ group, plural }: ResourceName, name: string): Details {
  return { ...(name === "" ? {} : { name }), ...(group === "" ? {} : { group }), kind: plural };
}

/** 404: there is no such object. */
export function notFound(resource: ResourceName, name: string): ApiError {
  const message = `${qualifiedName(resource)} "${name}" not found`;
  return failure(404, "NotFound", message, about(resource, name));
}

/** No such path or resource type. */
export function unknownPath(): ApiError {
  return failure(404, "NotFound", "the server could not find the requested resource", {});
}

/** 422: a patch that cannot be applied to the object as it is. Names no object, as in Kubernetes. */
export function unusablePatch(why: string): ApiError {
  const message = `the server rejected our request due to an error in our request: ${why}`;
  return failure(422, "Invalid", message, {});
}

/** 409: an object of this name is there already. */
export function alreadyExists(resource: ResourceName, name: string): ApiError {
  return failure(
    409,
    "AlreadyExists",
    `${qualifiedName(resource)} "${name}" already exists`,
    about(resource, name),
  );
}

/** 409: the write rests on something that is no longer so. */
export function conflict(resource: ResourceName, name: string, why: string): ApiError {
  const message = `Operation cannot be fulfilled on ${qualifiedName(resource)} "${name}": ${why}`;
  return failure(409, "Conflict", message, about(resource, name));
}

/** 409 of a server-side apply that touches fields of other managers. */
export function applyConflict(
  conflicts: readonly { readonly manager: string; readonly field: string }[],
): ApiError {
  const causes = conflicts.map(({ manager, field }) => ({
    reason: "FieldManagerConflict",
    message: `conflict with ${manager}`,
    field,
  }));
  const byManager = new Map<string, string[]>();
  for (const { manager, field } of conflicts)
    byManager.set(manager, [...(byManager.get(manager) ?? []), field]);
  const managers = [...byManager].map(([manager, fields]) =>
    fields.length === 1
      ? `conflict with ${manager}: ${fields[0]}`
      : `conflicts with ${manager}:\n${fields.map((field) => `- ${field}`).join("\n")}`,
  );
  const count = `${conflicts.length} conflict${conflicts.length === 1 ? "" : "s"}`;
  return failure(409, "Conflict", `Apply failed with ${count}: ${managers.join("\n")}`, { causes });
}

/** 422 with everything that is wrong with the object. */
export function invalid({ group, kind }: KindName, name: string, causes: readonly Cause[]): ApiError {
  const texts = causes.map(({ field, message }) => (field === "" ? message : `${field}: ${message}`));
  const all = texts.length === 1 ? (texts[0] ?? "") : `[${[...new Set(texts)].join(", ")}]`;
  const qualified = group === "" ? kind : `${kind}.${group}`;
  return failure(422, "Invalid", `${qualified} "${name}" is invalid: ${all}`, {
    ...(name === "" ? {} : { name }),
    ...(group === "" ? {} : { group }),
    kind,
    causes,
  });
}

/** 400: the request itself is wrong. */
export function badRequest(message: string): ApiError {
  return failure(400, "BadRequest", message);
}

/** 401: nobody knows who this is. */
export function unauthorized(): ApiError {
  return failure(401, "Unauthorized", "Unauthorized");
}

/** 403 about a resource, or about a path when `resource` is absent. */
export function forbidden(resource: ResourceName, name: string, why: string): ApiError {
  const object = name === "" ? "" : ` "${name}"`;
  const message = `${qualifiedName(resource)}${object} is forbidden: ${why}`;
  return failure(403, "Forbidden", message, about(resource, name));
}

/** 403 of a namespace that is being deleted; controllers know it by its cause and give up. */
export function namespaceTerminating(resource: ResourceName, name: string, namespace: string): ApiError {
  const why = `unable to create new content in namespace ${namespace} because it is being terminated`;
  return failure(403, "Forbidden", `${qualifiedName(resource)} "${name}" is forbidden: ${why}`, {
    ...about(resource, name),
    causes: [
      {
        reason: "NamespaceTerminating",
        message: `namespace ${namespace} is being terminated`,
        field: "metadata.namespace",
      },
    ],
  });
}

/** 403 about a path that is no resource: "/metrics". */
export function forbiddenPath(why: string): ApiError {
  return failure(403, "Forbidden", `forbidden: ${why}`, {});
}

/** 405: the path is there, but not for this method. */
export function methodNotAllowed(): ApiError {
  const message = "the server does not allow this method on the requested resource";
  return failure(405, "MethodNotAllowed", message, {});
}

/** 406: the client takes none of the forms there are. */
export function notAcceptable(): ApiError {
  const types = "application/json, application/yaml, application/json;stream=watch";
  return failure(406, "NotAcceptable", `only the following media types are accepted: ${types}`);
}

/** 415, with the forms that are taken. */
export function unsupportedMediaType(accepted: readonly string[]): ApiError {
  const message = `the body of the request was in an unknown format - accepted media types include: ${accepted.join(", ")}`;
  return failure(415, "UnsupportedMediaType", message);
}

/** 413, with the most bytes that are taken. */
export function bodyTooLarge(limit: number): ApiError {
  return failure(413, "RequestEntityTooLarge", `Request entity too large: limit is ${limit}`, {});
}

/** 410: the version asked for is older than the history kept. */
export function expired(message: string, continueToken?: string): ApiError {
  const error = failure(410, "Expired", message);
  if (continueToken === undefined) return error;
  return new ApiError({ ...error.status, metadata: { continue: continueToken } });
}

/** 504: the version asked for has not happened yet. */
export function versionTooLarge(asked: number, current: number): ApiError {
  return failure(504, "Timeout", `Timeout: Too large resource version: ${asked}, current: ${current}`, {
    causes: [{ reason: "ResourceVersionTooLarge", message: "Too large resource version" }],
    retryAfterSeconds: 1,
  });
}

/** 429: not now; try again, of clients' own accord or after so many seconds. */
export function tooManyRequests(
  message: string,
  causes: readonly Cause[] = [],
  retryAfterSeconds = 0,
): ApiError {
  return failure(429, "TooManyRequests", message, {
    ...(causes.length === 0 ? {} : { causes }),
    ...(retryAfterSeconds === 0 ? {} : { retryAfterSeconds }),
  });
}

/** 500, for what failed on the way: a webhook, an allocation, the server itself. */
export function internalError(why: string): ApiError {
  return failure(500, "InternalError", `Internal error occurred: ${why}`, {
    causes: [{ message: why }],
  });
}

/** 500 with just this text, for what the server has no way to do. */
export function impossible(message: string): ApiError {
  return failure(500, "InternalError", message);
}

/** 503: what the request was to be passed on to does not answer. */
export function serviceUnavailable(message: string): ApiError {
  return failure(503, "ServiceUnavailable", message);
}

/** The refusal of an admission webhook, with the code and reason that the webhook chose. */
export function deniedByWebhook(message: string, code: number, reason: string | undefined): ApiError {
  return failure(code, reason, message);
}

const policyCodes: Readonly<Record<string, number>> = {
  Unauthorized: 401,
  Forbidden: 403,
  RequestEntityTooLarge: 413,
};

/** The refusal of an admission policy, 422 unless it names another reason. */
export function deniedByPolicy(
  resource: ResourceName,
  name: string,
  why: string,
  reason = "Invalid",
): ApiError {
  const { message = why } = forbidden(resource, name, why).status;
  const causes = [{ message: why }];
  return failure(policyCodes[reason] ?? 422, reason, message, { ...about(resource, name), causes });
}

/** Success, the answer to a deletion that left nothing. */
export function deleted(resource: ResourceName, name: string, uid: string | undefined): Status {
  return {
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Success",
    details: { ...about(resource, name), ...(uid === undefined ? {} : { uid }) },
    code: 200,
  };
}

/** Success without more, for example of a binding. */
export function created(): Status {
  return { kind: "Status", apiVersion: "v1", metadata: {}, status: "Success", code: 201 };
}

/** The Status of anything that was thrown: an ApiError's own, else 500. */
export function statusOf(reason: unknown): Status {
  if (reason instanceof ApiError) return reason.status;
  // Only a body that is nested thousands of levels deep gets so far.
  if (reason instanceof RangeError && reason.message.includes("call stack"))
    return badRequest("the object is nested too deeply").status;
  return internalError(reason instanceof Error ? reason.message : String(reason)).status;
}
