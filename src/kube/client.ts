import { ApiError } from "./api-error.ts";
import { apiVersionOf, type Kind, kinds } from "./kinds.ts";
import type { KubeObject, Status, WatchEvent } from "./object.ts";
import type { ApiRequest, ApiResponse, ApiTransport } from "./transport.ts";

export interface ListOptions {
  /** Absent: all namespaces. */
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
}

export interface WatchOptions extends ListOptions {
  /** Changes after this version; absent: from now, with the present objects as ADDED first. */
  readonly resourceVersion?: string;
}

export interface List<T> {
  readonly items: readonly T[];
  readonly resourceVersion: string;
}

export type PatchType = "strategic" | "merge" | "json" | "apply";

export interface PatchOptions {
  readonly type: PatchType;
  readonly namespace?: string;
  readonly subresource?: string;
  /** Needed for "apply"; default "isthmus". */
  readonly fieldManager?: string;
  /** "apply" only: take over fields of other managers. */
  readonly force?: boolean;
  /** Everything happens but the storing. Default false. */
  readonly dryRun?: boolean;
}

export interface CreateOptions {
  /** Everything happens but the storing. Default false. */
  readonly dryRun?: boolean;
}

export interface DeleteOptions {
  readonly namespace?: string;
  readonly gracePeriodSeconds?: number;
  readonly propagationPolicy?: "Background" | "Foreground" | "Orphan";
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string };
}

/** Which part of a container's log is wanted. Absent: all of it. */
export interface PodLogOptions {
  readonly container?: string;
  /** Goes on until the container ends. */
  readonly follow?: boolean;
  /** Each line begins with its time (RFC 3339) and a blank. */
  readonly timestamps?: boolean;
  readonly tailLines?: number;
  readonly sinceSeconds?: number;
  /** RFC 3339. */
  readonly sinceTime?: string;
}

/**
 * A small typed client of one cluster's Kubernetes API. Every call is one request; errors of the server
 * are thrown as ApiError. Objects that come back are shared and must not be changed.
 */
export interface KubeClient {
  readonly transport: ApiTransport;
  /** The object, or undefined when there is none (404). */
  get<T extends KubeObject>(
    kind: Kind<T>,
    name: string,
    namespace?: string,
    /** Its bodies must be of `T`: "scale" of a Kind<Scale>. */
    subresource?: string,
  ): Promise<T | undefined>;
  list<T extends KubeObject>(kind: Kind<T>, options?: ListOptions): Promise<List<T>>;
  /** Changes until `signal` aborts or the server ends the watch. An expired version comes as ERROR with code 410. */
  watch<T extends KubeObject>(
    kind: Kind<T>,
    options: WatchOptions,
    signal: AbortSignal,
  ): AsyncIterable<WatchEvent<T>>;
  create<T extends KubeObject>(kind: Kind<T>, object: T, options?: CreateOptions): Promise<T>;
  /** PUT; with `subresource` "status" only the status is taken. A stale resourceVersion is a 409. */
  replace<T extends KubeObject>(kind: Kind<T>, object: T, subresource?: string): Promise<T>;
  patch<T extends KubeObject>(kind: Kind<T>, name: string, patch: unknown, options: PatchOptions): Promise<T>;
  /** Server-side apply of the whole object under the field manager. */
  apply<T extends KubeObject>(kind: Kind<T>, object: T, fieldManager?: string): Promise<T>;
  /** Nothing happens when there is no such object. */
  delete(kind: Kind, name: string, options?: DeleteOptions): Promise<void>;
  /** A pod's log, in pieces that may end anywhere in a line. Ends without a failure when `signal` aborts. */
  podLog(
    name: string,
    namespace: string,
    options: PodLogOptions,
    signal: AbortSignal,
  ): AsyncIterable<Uint8Array>;
  /** POST to a subresource or a review kind, for example serviceaccounts/x/token. */
  post(path: string, body: unknown): Promise<unknown>;
}

const patchContentType: Readonly<Record<PatchType, string>> = {
  strategic: "application/strategic-merge-patch+json",
  merge: "application/merge-patch+json",
  json: "application/json-patch+json",
  apply: "application/apply-patch+yaml",
};

const defaultFieldManager = "isthmus";

/** A client that sends every request through `transport`. */
export function createKubeClient(transport: ApiTransport): KubeClient {
  const call = async (request: Omit<ApiRequest, "headers" | "query"> & Partial<ApiRequest>) => {
    const response = await transport.send({
      query: new URLSearchParams(),
      ...request,
      headers: { accept: "application/json", "content-type": "application/json", ...request.headers },
    });
    if (response.status >= 400) throw new ApiError(statusOf(response));
    return response;
  };
  const client: KubeClient = {
    transport,
    async get(kind, name, namespace, subresource) {
      try {
        const path = resourcePath(kind, namespace, name, subresource);
        return as((await call({ method: "GET", path })).body);
      } catch (reason) {
        if (reason instanceof ApiError && reason.code === 404) return undefined;
        throw reason;
      }
    },
    async list(kind, options = {}) {
      const path = resourcePath(kind, options.namespace);
      const { body } = await call({ method: "GET", path, query: selectors(options) });
      const list = as<{ items: readonly never[] | null; metadata: { resourceVersion: string } }>(body);
      const defaults = { apiVersion: apiVersionOf(kind), kind: kind.kind };
      // List items carry no apiVersion and kind on the wire.
      const items = (list.items ?? []).map((item: KubeObject) =>
        item.kind === undefined ? { ...defaults, ...item } : item,
      );
      return { items: as(items), resourceVersion: list.metadata.resourceVersion };
    },
    async *watch(kind, options, signal) {
      const query = selectors(options);
      query.set("watch", "true");
      query.set("allowWatchBookmarks", "true");
      if (options.resourceVersion !== undefined) query.set("resourceVersion", options.resourceVersion);
      const request = { method: "GET", path: resourcePath(kind, options.namespace), query } as const;
      const response = await transport.send({ ...request, headers: { accept: "application/json" } }, signal);
      if (response.status >= 400) throw new ApiError(statusOf(response));
      for await (const event of response.events ?? []) yield as(event);
    },
    async create(kind, object, { dryRun = false } = {}) {
      const path = resourcePath(kind, object.metadata.namespace);
      const query = new URLSearchParams(dryRun ? { dryRun: "All" } : {});
      return as((await call({ method: "POST", path, query, body: object })).body);
    },
    async replace(kind, object, subresource) {
      const path = resourcePath(kind, object.metadata.namespace, object.metadata.name, subresource);
      return as((await call({ method: "PUT", path, body: object })).body);
    },
    async patch(
      kind,
      name,
      patch,
      { type, namespace, subresource, fieldManager = defaultFieldManager, force, dryRun },
    ) {
      const query = new URLSearchParams({ fieldManager });
      if (force !== undefined && type === "apply") query.set("force", String(force));
      if (dryRun === true) query.set("dryRun", "All");
      const path = resourcePath(kind, namespace, name, subresource);
      const headers = { "content-type": patchContentType[type] };
      return as((await call({ method: "PATCH", path, query, headers, body: patch })).body);
    },
    apply(kind, object, fieldManager = defaultFieldManager) {
      const { name, namespace } = object.metadata;
      const options = {
        type: "apply",
        fieldManager,
        force: true,
        ...(namespace === undefined ? {} : { namespace }),
      } as const;
      return client.patch(kind, name, object, options);
    },
    async delete(kind, name, { namespace, ...options } = {}) {
      const body = { apiVersion: "v1", kind: "DeleteOptions", ...options };
      try {
        await call({ method: "DELETE", path: resourcePath(kind, namespace, name), body });
      } catch (reason) {
        if (!(reason instanceof ApiError && reason.code === 404)) throw reason;
      }
    },
    async *podLog(name, namespace, options, signal) {
      const query = new URLSearchParams();
      for (const [option, value] of Object.entries(options)) {
        if (value !== undefined && value !== false) query.set(option, String(value));
      }
      const path = resourcePath(kinds.pods, namespace, name, "log");
      const request = { method: "GET", path, query, headers: { accept: "*/*" }, inChunks: true } as const;
      try {
        const response = await transport.send(request, signal);
        if (response.status >= 400) throw new ApiError(statusOf(response));
        // A server may answer a log without follow in one piece.
        if (typeof response.body === "string" && response.body !== "") yield Buffer.from(response.body);
        if (response.chunks !== undefined) yield* response.chunks;
      } catch (reason) {
        if (!signal.aborted) throw reason;
      }
    },
    async post(path, body) {
      return (await call({ method: "POST", path, body })).body;
    },
  };
  return client;
}

/** The URL path of a kind, of one object, or of an object's subresource. */
export function resourcePath(kind: Kind, namespace?: string, name?: string, subresource?: string): string {
  const group = kind.group === "" ? `/api/${kind.version}` : `/apis/${kind.group}/${kind.version}`;
  const scope = kind.namespaced && namespace !== undefined ? `/namespaces/${namespace}` : "";
  const object = name === undefined ? "" : `/${encodeURIComponent(name)}`;
  return `${group}${scope}/${kind.plural}${object}${subresource === undefined ? "" : `/${subresource}`}`;
}

function selectors({ labelSelector, fieldSelector }: ListOptions): URLSearchParams {
  const query = new URLSearchParams();
  if (labelSelector !== undefined) query.set("labelSelector", labelSelector);
  if (fieldSelector !== undefined) query.set("fieldSelector", fieldSelector);
  return query;
}

function statusOf(response: ApiResponse): Status {
  const body = response.body as Partial<Status> | undefined;
  if (body?.kind === "Status" && typeof body.code === "number") return body as Status;
  const text = typeof response.body === "string" ? response.body.slice(0, 200) : "";
  const message = `the server answered ${response.status}${text === "" ? "" : `: ${text}`}`;
  return {
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    code: response.status,
    message,
  };
}

/** The one place where an answer of the server takes the type of the kind that was asked for. */
function as<T>(body: unknown): T {
  return body as T;
}
