import {
  type ApiRequest,
  type ApiResponse,
  applyStrategicMergePatch,
  createKubeClient,
  type KubeClient,
  type KubeObject,
  loadBuiltInSchema,
  parseLabelSelector,
  type WatchEvent,
} from "../../../../kube/index.ts";

/** As much of a cluster's API as upkeep uses, with objects in memory. */
export interface FakeCluster {
  readonly client: KubeClient;
  /** Writes, as "VERB path", in order; refused ones too. */
  readonly writes: readonly string[];
  /** Watches that are open. */
  readonly watching: number;
  /** Answers a request with this status instead; undefined lets it through. */
  refuse: (request: ApiRequest) => ApiResponse | undefined;
  /** Ends all watches, as a broken connection does. */
  breakWatches(): void;
  put(object: KubeObject): void;
  remove(object: KubeObject): void;
  get(path: string): KubeObject | undefined;
}

interface Watch {
  readonly request: ApiRequest;
  push(event: WatchEvent | undefined): void;
}

const plurals: Readonly<Record<string, string>> = {
  Namespace: "/api/v1/namespaces",
  ConfigMap: "/api/v1",
  MutatingWebhookConfiguration: "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations",
  ValidatingWebhookConfiguration: "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations",
};

/** A Status as the API server answers with. */
export function status(code: number, reason: string, details?: object): ApiResponse {
  const body = {
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    code,
    reason,
    message: reason,
  };
  return { status: code, headers: {}, body: details === undefined ? body : { ...body, details } };
}

export function createFakeCluster(): FakeCluster {
  const objects = new Map<string, KubeObject>();
  const watches = new Set<Watch>();
  const writes: string[] = [];
  let version = 0;

  const store = (object: KubeObject): KubeObject => {
    const path = pathOf(object);
    const stored = { ...object, metadata: { ...object.metadata, resourceVersion: String(++version) } };
    const type = objects.has(path) ? "MODIFIED" : "ADDED";
    objects.set(path, stored);
    for (const watch of watches) if (isWanted(stored, watch.request)) watch.push({ type, object: stored });
    return stored;
  };
  const answer = (request: ApiRequest, signal: AbortSignal | undefined): ApiResponse => {
    const { method, path, query, body } = request;
    const present = objects.get(path);
    const ok = (value: unknown, code = 200): ApiResponse => ({ status: code, headers: {}, body: value });
    switch (method) {
      case "GET": {
        if (query.get("watch") === "true")
          return { status: 200, headers: {}, events: watch(request, signal) };
        const items = [...objects.values()].filter((object) => isWanted(object, request));
        return ok({ metadata: { resourceVersion: String(version) }, items });
      }
      case "POST": {
        const object = body as KubeObject;
        return objects.has(pathOf(object)) ? status(409, "AlreadyExists") : ok(store(object), 201);
      }
      case "DELETE":
        return status(405, "MethodNotAllowed");
      default: {
        if (present === undefined) return status(404, "NotFound");
        const sent = (body as KubeObject).metadata.resourceVersion;
        if (sent !== undefined && sent !== present.metadata.resourceVersion) return status(409, "Conflict");
        return ok(store(method === "PUT" ? (body as KubeObject) : merged(present, body)));
      }
    }
  };
  const watch = async function* (request: ApiRequest, signal: AbortSignal | undefined) {
    const since = Number(request.query.get("resourceVersion"));
    const queue: (WatchEvent | undefined)[] = [...objects.values()]
      .filter((object) => isWanted(object, request) && Number(object.metadata.resourceVersion) > since)
      .map((object) => ({ type: "MODIFIED", object }));
    let wake = () => {};
    const self: Watch = {
      request,
      push(event) {
        queue.push(event);
        wake();
      },
    };
    watches.add(self);
    signal?.addEventListener("abort", () => self.push(undefined), { once: true });
    try {
      for (;;) {
        while (queue.length > 0) {
          const event = queue.shift();
          if (event === undefined) throw new Error("the connection was closed");
          yield event;
        }
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    } finally {
      watches.delete(self);
    }
  };
  const cluster: FakeCluster = {
    writes,
    get watching() {
      return watches.size;
    },
    refuse: () => undefined,
    breakWatches() {
      for (const { push } of watches) push(undefined);
    },
    put: (object) => void store(object),
    remove(object) {
      const path = pathOf(object);
      const present = objects.get(path);
      if (present === undefined) return;
      objects.delete(path);
      const gone = { ...present, metadata: { ...present.metadata, resourceVersion: String(++version) } };
      for (const watch of watches)
        if (isWanted(gone, watch.request)) watch.push({ type: "DELETED", object: gone });
    },
    get: (path) => objects.get(path),
    client: createKubeClient({
      async send(request, signal) {
        if (request.method !== "GET") writes.push(`${request.method} ${request.path}`);
        return cluster.refuse(request) ?? answer(request, signal);
      },
    }),
  };
  return cluster;
}

function pathOf({ kind, metadata: { name, namespace } }: KubeObject): string {
  const plural = plurals[kind] ?? "";
  return kind === "ConfigMap" ? `${plural}/namespaces/${namespace}/configmaps/${name}` : `${plural}/${name}`;
}

/** Whether a list or watch of `request` has the object. */
function isWanted(object: KubeObject, { path, query }: ApiRequest): boolean {
  const of = object.kind === "ConfigMap" ? "/api/v1/configmaps" : plurals[object.kind];
  if (path !== of) return false;
  const field = query.get("fieldSelector");
  if (field !== null && field !== `metadata.name=${object.metadata.name}`) return false;
  const label = query.get("labelSelector");
  return label === null || parseLabelSelector(label).matches(object.metadata.labels ?? {});
}

function merged(present: KubeObject, patch: unknown): KubeObject {
  const schema = loadBuiltInSchema().forKind(
    "admissionregistration.k8s.io",
    "v1",
    "MutatingWebhookConfiguration",
  );
  if (schema === undefined) throw new Error("no schema");
  return applyStrategicMergePatch(present, patch, schema) as KubeObject;
}
