import { randomUUID } from "node:crypto";
import { type Clock, createSignal, systemClock, waitFor } from "../../base/index.ts";
import {
  type ApiRequest,
  type ApiResponse,
  type ApiTransport,
  createKubeClient,
  groupVersion,
  type Kind,
  type KubeClient,
  type KubeObject,
  kinds,
  type Status,
} from "../../kube/index.ts";
import { disruptionBudgets } from "../disruption-budgets/disruption-budget.ts";
import { resourceQuotas } from "../resource-quotas/resource-quota.ts";

/** A Kubernetes API as far as controllers notice: storage, versions, watches, deletion, discovery. For tests only. */
export interface FakeApi {
  readonly transport: ApiTransport;
  readonly client: KubeClient;
  /** Looked at before every request; a Status refuses it. */
  refuse: (request: ApiRequest) => Status | undefined;
  /** Requests that were not GET, newest last, as "POST /api/v1/namespaces/default/pods". */
  readonly writes: string[];
  /** Serves one more kind, as a new CustomResourceDefinition does. */
  serve(kind: Kind): void;
  /** The number of watches that are open. */
  readonly watches: number;
}

interface Stored {
  readonly kind: Kind;
  readonly object: KubeObject;
}

interface Logged {
  readonly version: number;
  readonly kind: string;
  readonly event: { readonly type: string; readonly object: KubeObject };
}

const extraKinds: readonly Kind[] = [
  disruptionBudgets,
  resourceQuotas,
  { group: "", version: "v1", kind: "LimitRange", plural: "limitranges", namespaced: true },
  {
    group: "apps",
    version: "v1",
    kind: "ControllerRevision",
    plural: "controllerrevisions",
    namespaced: true,
  },
];

export function createFakeApi(clock: Clock = systemClock): FakeApi {
  const served: Kind[] = [
    ...Object.values(kinds).filter(({ group }) => !group.endsWith("istio.io")),
    ...extraKinds,
  ];
  const objects = new Map<string, Stored>();
  const log: Logged[] = [];
  const changes = createSignal();
  let version = 0;
  let watches = 0;

  const commit = (kind: Kind, key: string, type: "ADDED" | "MODIFIED" | "DELETED", object: KubeObject) => {
    version++;
    const stored = { ...object, metadata: { ...object.metadata, resourceVersion: String(version) } };
    if (type === "DELETED") objects.delete(key);
    else objects.set(key, { kind, object: stored });
    log.push({ version, kind: kindId(kind), event: { type, object: stored } });
    changes.notify();
    return stored;
  };
  const update = (kind: Kind, key: string, object: KubeObject) => {
    const { deletionTimestamp, finalizers = [] } = object.metadata;
    const specFinalizers = (object["spec"] as { finalizers?: unknown[] } | undefined)?.finalizers ?? [];
    const keeps =
      finalizers.length > 0 ||
      (kind.plural === "namespaces" && specFinalizers.length > 0) ||
      kind.plural === "pods";
    return commit(kind, key, deletionTimestamp !== undefined && !keeps ? "DELETED" : "MODIFIED", object);
  };
  const create = (kind: Kind, namespace: string, body: KubeObject): ApiResponse => {
    const { generateName } = body.metadata;
    const name = body.metadata.name ?? `${generateName}${Math.random().toString(36).slice(2, 7)}`;
    const key = objectId(kind, namespace, name);
    if (objects.has(key)) return failure(409, "AlreadyExists", `${kind.plural} "${name}" already exists`);
    const metadata = {
      ...body.metadata,
      name,
      ...(namespace === "" ? {} : { namespace }),
      uid: randomUUID(),
      generation: 1,
      creationTimestamp: new Date(clock.now()).toISOString().replace(/\.\d+Z$/, "Z"),
    };
    return ok(commit(kind, key, "ADDED", { ...body, metadata }), 201);
  };
  const remove = (kind: Kind, key: string, stored: KubeObject, body: unknown): ApiResponse => {
    const options = (body ?? {}) as {
      preconditions?: { uid?: string };
      propagationPolicy?: string;
      gracePeriodSeconds?: number;
    };
    const { uid } = options.preconditions ?? {};
    if (uid !== undefined && uid !== stored.metadata.uid) return failure(409, "Conflict", "uid differs");
    if (stored.metadata.deletionTimestamp !== undefined && options.gracePeriodSeconds !== 0)
      return ok(stored);
    const added = { Foreground: "foregroundDeletion", Orphan: "orphan" }[options.propagationPolicy ?? ""];
    const finalizers = [...(stored.metadata.finalizers ?? []), ...(added === undefined ? [] : [added])];
    const isGraceful =
      kind.plural === "pods" &&
      options.gracePeriodSeconds !== 0 &&
      (stored["spec"] as { nodeName?: string }).nodeName !== undefined;
    const isNamespace = kind.plural === "namespaces";
    if (finalizers.length === 0 && !isGraceful && !isNamespace)
      return ok(commit(kind, key, "DELETED", stored));
    const deletionTimestamp = new Date(clock.now()).toISOString();
    const status = isNamespace ? { phase: "Terminating" } : stored["status"];
    return ok(
      commit(kind, key, "MODIFIED", {
        ...stored,
        status,
        metadata: { ...stored.metadata, deletionTimestamp, finalizers },
      }),
    );
  };
  const change = (
    kind: Kind,
    key: string,
    stored: KubeObject,
    next: KubeObject,
    subresource: string | undefined,
  ) => {
    const claimed = next.metadata.resourceVersion;
    if (claimed !== undefined && claimed !== stored.metadata.resourceVersion) {
      return failure(409, "Conflict", `the object has been modified`);
    }
    const kept = {
      uid: stored.metadata.uid,
      resourceVersion: stored.metadata.resourceVersion,
      deletionTimestamp: stored.metadata.deletionTimestamp,
    };
    let merged: KubeObject;
    if (subresource === "status") merged = { ...stored, status: next["status"] };
    else if (subresource === "finalize") merged = { ...stored, spec: next["spec"] };
    else {
      const isSpecChanged = JSON.stringify(next["spec"]) !== JSON.stringify(stored["spec"]);
      const generation = (stored.metadata.generation ?? 1) + (isSpecChanged ? 1 : 0);
      const status = "status" in stored ? { status: stored["status"] } : {};
      merged = { ...next, ...status, metadata: { ...next.metadata, generation } };
    }
    merged = JSON.parse(JSON.stringify({ ...merged, metadata: { ...merged.metadata, ...kept } }));
    if (JSON.stringify(merged) === JSON.stringify(stored)) return ok(stored);
    return ok(update(kind, key, merged));
  };
  async function* watch(
    kind: Kind,
    namespace: string,
    from: number,
    signal: AbortSignal | undefined,
  ): AsyncIterable<unknown> {
    watches++;
    try {
      let seen = from;
      while (signal?.aborted !== true) {
        const next = await waitFor(
          () => log.find((entry) => entry.version > seen && entry.kind === kindId(kind)),
          {
            signal: signal ?? new AbortController().signal,
            changes,
          },
        );
        seen = next.version;
        if (namespace === "" || next.event.object.metadata.namespace === namespace) yield next.event;
      }
    } finally {
      watches--;
    }
  }
  const send = async (request: ApiRequest, signal?: AbortSignal): Promise<ApiResponse> => {
    await Promise.resolve();
    const refusal = api.refuse(request);
    if (refusal !== undefined) return { status: refusal.code, headers: {}, body: refusal };
    if (request.method !== "GET") api.writes.push(`${request.method} ${request.path}`);
    if (request.path === "/api" || request.path === "/apis") return ok(discovery(served, request.path));
    const target = parsePath(served, request.path);
    if (target === undefined)
      return failure(404, "NotFound", "the server could not find the requested resource");
    const { kind, namespace, name, subresource } = target;
    if (name === undefined) {
      if (request.query.get("watch") === "true") {
        return {
          status: 200,
          headers: {},
          events: watch(kind, namespace, Number(request.query.get("resourceVersion") ?? 0), signal),
        };
      }
      const matching = [...objects.entries()].filter(
        ([, entry]) =>
          kindId(entry.kind) === kindId(kind) &&
          (namespace === "" || entry.object.metadata.namespace === namespace),
      );
      if (request.method === "GET") {
        return ok({
          kind: "List",
          metadata: { resourceVersion: String(version) },
          items: matching.map(([, { object }]) => object),
        });
      }
      if (request.method === "POST") return create(kind, namespace, request.body as KubeObject);
      for (const [key, entry] of matching) remove(kind, key, entry.object, request.body);
      return ok({});
    }
    const key = objectId(kind, namespace, name);
    const stored = objects.get(key)?.object;
    if (stored === undefined) return failure(404, "NotFound", `${kind.plural} "${name}" not found`);
    if (subresource === "binding") {
      const nodeName = (request.body as { target: { name: string } }).target.name;
      const spec = stored["spec"] as { nodeName?: string };
      if (spec.nodeName !== undefined)
        return failure(409, "Conflict", `pod ${name} is already assigned to node "${spec.nodeName}"`);
      commit(kind, key, "MODIFIED", { ...stored, spec: { ...spec, nodeName } });
      return ok({ kind: "Status", status: "Success" }, 201);
    }
    switch (request.method) {
      case "GET":
        return ok(stored);
      case "PUT":
        return change(kind, key, stored, request.body as KubeObject, subresource);
      case "PATCH":
        return change(kind, key, stored, mergePatch(stored, request.body) as KubeObject, subresource);
      case "DELETE":
        return remove(kind, key, stored, request.body);
      default:
        return failure(405, "MethodNotAllowed", "method not allowed");
    }
  };
  const transport: ApiTransport = { send };
  const api: FakeApi = {
    transport,
    client: createKubeClient(transport),
    refuse: () => undefined,
    writes: [],
    serve(kind) {
      served.push(kind);
    },
    get watches() {
      return watches;
    },
  };
  return api;
}

/** A Status that refuses a request. */
export function statusOf(code: number, reason: string, message: string): Status {
  return { kind: "Status", apiVersion: "v1", metadata: {}, status: "Failure", code, reason, message };
}

function failure(code: number, reason: string, message: string): ApiResponse {
  return { status: code, headers: {}, body: statusOf(code, reason, message) };
}

function ok(body: unknown, status = 200): ApiResponse {
  return { status, headers: {}, body };
}

function kindId({ group, plural }: Kind): string {
  return `${group}/${plural}`;
}

function objectId(kind: Kind, namespace: string, name: string): string {
  return `${kindId(kind)}/${namespace}/${name}`;
}

function parsePath(served: readonly Kind[], path: string) {
  const parts = path.split("/").slice(1);
  const group = parts[0] === "apis" ? parts[1] : "";
  const rest = parts.slice(parts[0] === "apis" ? 3 : 2);
  const isScoped =
    rest[0] === "namespaces" && rest.length > 2 && rest[2] !== "finalize" && rest[2] !== "status";
  const namespace = isScoped ? (rest[1] ?? "") : "";
  const [plural, name, subresource] = isScoped ? rest.slice(2) : rest;
  const kind = served.find((candidate) => candidate.group === group && candidate.plural === plural);
  return kind && { kind, namespace, name, subresource };
}

/** Aggregated discovery (apidiscovery.k8s.io/v2). */
function discovery(served: readonly Kind[], path: string): unknown {
  const groups = [...new Set(served.map(({ group }) => group))].filter(
    (group) => (path === "/api") === (group === ""),
  );
  return {
    kind: "APIGroupDiscoveryList",
    apiVersion: "apidiscovery.k8s.io/v2",
    items: groups.map((group) => ({
      metadata: { name: group },
      versions: [
        {
          version: served.find((kind) => kind.group === group)?.version,
          resources: served
            .filter((kind) => kind.group === group)
            .map((kind) => ({
              resource: kind.plural,
              responseKind: { group, version: kind.version, kind: kind.kind },
              scope: kind.namespaced ? "Namespaced" : "Cluster",
              verbs: ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"],
            })),
        },
      ],
    })),
  };
}

/** RFC 7386. */
function mergePatch(target: unknown, patch: unknown): unknown {
  if (typeof patch !== "object" || patch === null || Array.isArray(patch)) return patch;
  const merged: Record<string, unknown> = { ...(typeof target === "object" ? target : {}) };
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete merged[name];
    else if (value !== undefined) merged[name] = mergePatch(merged[name], value);
  }
  return merged;
}

/** The kind of an apiVersion and kind that tests make up. */
export function customKind(apiVersion: string, kind: string, plural: string): Kind {
  return { ...groupVersion(apiVersion), kind, plural, namespaced: true };
}
