import { createSignal } from "../../base/index.ts";
import {
  type ApiRequest,
  type ApiResponse,
  type ApiTransport,
  applyMergePatch,
  createKubeClient,
  type KubeClient,
  type KubeObject,
  kinds,
  type Pod,
} from "../../kube/index.ts";

/** A Kubernetes API in memory, as much of one as nodes use: lists, watches, status patches, deletion with grace. */
export interface FakeApi {
  readonly client: KubeClient;
  /** The objects of a plural, "pods" for example. */
  all(plural: string): readonly KubeObject[];
  pod(name: string): Pod | undefined;
  /** Told after every change. */
  readonly changes: ReturnType<typeof createSignal>;
  /** Every PATCH body that came for a pod's status. */
  readonly statusPatches: readonly unknown[];
}

type Change = { readonly type: string; readonly object: KubeObject };

export function createFakeApi(): FakeApi {
  const stored = new Map<string, KubeObject>();
  const changes = createSignal();
  const history: { readonly prefix: string; readonly version: number; readonly change: Change }[] = [];
  const statusPatches: unknown[] = [];
  let version = 0;

  const commit = (type: string, path: string, object: KubeObject): KubeObject => {
    version++;
    const next = { ...object, metadata: { ...object.metadata, resourceVersion: String(version) } };
    if (type === "DELETED") stored.delete(path);
    else stored.set(path, next);
    history.push({ prefix: path, version, change: { type, object: next } });
    changes.notify();
    return next;
  };
  const remove = (path: string, object: KubeObject, body: unknown): KubeObject => {
    const { gracePeriodSeconds } = (body ?? {}) as { gracePeriodSeconds?: number };
    const spec = object["spec"] as Pod["spec"] | undefined;
    const grace =
      gracePeriodSeconds ?? (path.includes("/pods/") ? (spec?.terminationGracePeriodSeconds ?? 30) : 0);
    if (grace === 0) return commit("DELETED", path, object);
    const deletion = { deletionTimestamp: new Date().toISOString(), deletionGracePeriodSeconds: grace };
    return commit("MODIFIED", path, { ...object, metadata: { ...object.metadata, ...deletion } });
  };
  const send = async (request: ApiRequest, signal?: AbortSignal): Promise<ApiResponse> => {
    const { method, query } = request;
    const isStatus = request.path.endsWith("/status");
    const path = isStatus ? request.path.slice(0, -"/status".length) : request.path;
    if (path.endsWith("/token")) {
      const { spec } = request.body as { spec: { audiences?: string[] } };
      const expirationTimestamp = new Date(Date.now() + 3_600_000).toISOString();
      return answer(201, {
        status: { token: `token-for-${spec.audiences?.join() ?? "api"}`, expirationTimestamp },
      });
    }
    const present = stored.get(path);
    if (method === "POST") {
      const object = request.body as KubeObject;
      const place = `${path}/${object.metadata.name}`;
      if (stored.has(place)) return failure(409, "AlreadyExists");
      return answer(
        201,
        commit("ADDED", place, { ...object, metadata: { uid: `uid-${version}`, ...object.metadata } }),
      );
    }
    if (method === "GET" && isCollection(path)) {
      const matches = selectorOf(path, query);
      if (query.get("watch") === "true") {
        return {
          status: 200,
          headers: {},
          events: watch(matches, Number(query.get("resourceVersion")), signal),
        };
      }
      const items = [...stored]
        .filter(([place, object]) => matches(place, object))
        .map(([, object]) => object);
      return answer(200, { items, metadata: { resourceVersion: String(version) } });
    }
    if (present === undefined) return failure(404, "NotFound");
    if (method === "GET") return answer(200, present);
    if (method === "DELETE") return answer(200, remove(path, present, request.body));
    if (isStatus && path.includes("/pods/")) statusPatches.push(request.body);
    const next = applyMergePatch(present, mergeable(present, request.body)) as KubeObject;
    return answer(200, commit("MODIFIED", path, next));
  };
  async function* watch(
    matches: (place: string, object: KubeObject) => boolean,
    from: number,
    signal?: AbortSignal,
  ) {
    let next = history.findIndex((entry) => entry.version > from);
    if (next < 0) next = history.length;
    while (signal?.aborted !== true) {
      const entry = history[next];
      if (entry !== undefined) {
        next++;
        if (matches(entry.prefix, entry.change.object)) yield entry.change;
        continue;
      }
      const once = new AbortController();
      await new Promise<void>((resolve) => {
        changes.subscribe(resolve, once.signal);
        signal?.addEventListener("abort", () => resolve(), { once: true, signal: once.signal });
      });
      once.abort();
    }
  }
  const transport: ApiTransport = { send };
  const all = (plural: string) =>
    [...stored].filter(([path]) => path.includes(`/${plural}/`)).map(([, object]) => object);
  return {
    client: createKubeClient(transport),
    all,
    pod: (name) => all(kinds.pods.plural).find((object) => object.metadata.name === name) as Pod | undefined,
    changes,
    statusPatches,
  };
}

/** Collections end in a plural: /api/v1/pods, /api/v1/namespaces/x/pods. */
function isCollection(path: string): boolean {
  const parts = path.replace(/^\/(?:api\/v1|apis\/[^/]+\/[^/]+)\//, "").split("/");
  return parts.length === 1 || (parts[0] === "namespaces" && parts.length === 3);
}

function selectorOf(path: string, query: URLSearchParams): (place: string, object: KubeObject) => boolean {
  const namespace = /\/namespaces\/([^/]+)\//.exec(path)?.[1];
  const plural = path.slice(path.lastIndexOf("/"));
  const name = /metadata\.name=(.+)/.exec(query.get("fieldSelector") ?? "")?.[1];
  return (place, object) =>
    place.includes(`${plural}/`) &&
    (namespace === undefined || object.metadata.namespace === namespace) &&
    (name === undefined || object.metadata.name === name);
}

/** A strategic merge patch as a merge patch: conditions are merged by type, and everything else is replaced. */
function mergeable(present: KubeObject, patch: unknown): unknown {
  const { status, ...rest } = patch as { status?: { conditions?: readonly { type: string }[] } };
  if (status?.conditions === undefined) return patch;
  const known =
    (present["status"] as { conditions?: readonly { type: string }[] } | undefined)?.conditions ?? [];
  const others = known.filter(({ type }) => !status.conditions?.some((condition) => condition.type === type));
  const merged = status.conditions.map((condition) => {
    const before = known.find(({ type }) => type === condition.type) ?? {};
    return Object.fromEntries(
      Object.entries({ ...before, ...condition }).filter(([, value]) => value !== null),
    );
  });
  return { ...rest, status: { ...status, conditions: [...others, ...merged] } };
}

function answer(status: number, body: unknown): ApiResponse {
  return { status, headers: {}, body };
}

function failure(code: number, reason: string): ApiResponse {
  return answer(code, {
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    code,
    reason,
    message: reason,
  });
}
