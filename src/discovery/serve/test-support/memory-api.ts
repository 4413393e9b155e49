import {
  ApiError,
  apiVersionOf,
  type Kind,
  type KubeClient,
  type KubeObject,
  objectKey,
  type WatchEvent,
} from "../../../kube/index.ts";

/** A cluster's API in memory, as much of it as a control plane uses. */
export interface MemoryApi {
  readonly client: KubeClient;
  put(object: KubeObject): void;
  remove(object: KubeObject): void;
  get(kind: string, name: string, namespace?: string): KubeObject | undefined;
  /** From now on every request fails with a network error, and running watches end. */
  disconnect(): void;
  connect(): void;
  /** Tokens that TokenReview accepts, and the account each belongs to ("namespace:name"). */
  readonly tokens: Map<string, string>;
  /** How many watches are open. */
  readonly watches: number;
  /** How many TokenReviews were asked for. */
  readonly reviews: number;
}

interface Watcher {
  readonly kind: string;
  wants(object: KubeObject): boolean;
  push(event: WatchEvent): void;
  end(): void;
}

interface Selectors {
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
}

export function createMemoryApi(): MemoryApi {
  const objects = new Map<string, KubeObject>();
  const watchers = new Set<Watcher>();
  const tokens = new Map<string, string>();
  let version = 1;
  let reviews = 0;
  let isConnected = true;
  const check = () => {
    if (!isConnected) throw new Error("connect ECONNREFUSED");
  };
  const tell = (type: "ADDED" | "MODIFIED" | "DELETED", object: KubeObject) => {
    for (const watcher of watchers) {
      if (watcher.kind === object.kind && watcher.wants(object)) watcher.push({ type, object });
    }
  };
  const api = {
    put(object: KubeObject) {
      const key = `${object.kind} ${objectKey(object)}`;
      const type = objects.has(key) ? "MODIFIED" : "ADDED";
      const stored = { ...object, metadata: { ...object.metadata, resourceVersion: String(++version) } };
      objects.set(key, stored);
      tell(type, stored);
    },
    remove(object: KubeObject) {
      const key = `${object.kind} ${objectKey(object)}`;
      const stored = objects.get(key);
      if (stored === undefined) return;
      objects.delete(key);
      tell("DELETED", { ...stored, metadata: { ...stored.metadata, resourceVersion: String(++version) } });
    },
    get: (kind: string, name: string, namespace?: string) =>
      objects.get(`${kind} ${namespace === undefined ? name : `${namespace}/${name}`}`),
  };
  const client: KubeClient = {
    transport: { send: () => Promise.reject(new Error("not used")) },
    async get(kind, name, namespace) {
      check();
      return typed(api.get(kind.kind, name, namespace));
    },
    podLog: () => {
      throw new Error("not used");
    },
    async list(kind, options = {}) {
      check();
      const items = [...objects.values()].filter(
        (object) => object.kind === kind.kind && matches(object, options),
      );
      return { items: typed(items), resourceVersion: String(version) };
    },
    async *watch(kind, options, signal) {
      check();
      const queue: WatchEvent[] = [];
      let wake = () => {};
      let isOver = false;
      const watcher: Watcher = {
        kind: kind.kind,
        wants: (object) => matches(object, options),
        push(event) {
          queue.push(event);
          wake();
        },
        end() {
          isOver = true;
          wake();
        },
      };
      watchers.add(watcher);
      signal.addEventListener("abort", watcher.end, { once: true });
      try {
        while (!isOver) {
          const event = queue.shift();
          if (event !== undefined) yield typed(event);
          else {
            await new Promise<void>((resolve) => {
              wake = resolve;
            });
          }
        }
        if (!signal.aborted) throw new Error("the connection was closed");
      } finally {
        watchers.delete(watcher);
      }
    },
    async create(kind, object) {
      check();
      api.put({ ...object, apiVersion: apiVersionOf(kind), kind: kind.kind });
      return object;
    },
    async replace(kind, object) {
      check();
      api.put({ ...object, apiVersion: apiVersionOf(kind), kind: kind.kind });
      return object;
    },
    async patch(kind, name, patch, { namespace }) {
      check();
      const before = api.get(kind.kind, name, namespace);
      if (before === undefined) throw notFound(kind, name);
      const after = mergePatch(before, patch) as KubeObject;
      api.put(after);
      return typed(after);
    },
    apply: () => Promise.reject(new Error("not used")),
    delete: () => Promise.reject(new Error("not used")),
    async post(_path, body) {
      check();
      reviews++;
      const { token } = (body as { readonly spec: { readonly token: string } }).spec;
      const account = tokens.get(token);
      return account === undefined
        ? { status: { authenticated: false } }
        : { status: { authenticated: true, user: { username: `system:serviceaccount:${account}` } } };
    },
  };
  return {
    ...api,
    client,
    tokens,
    get watches() {
      return watchers.size;
    },
    get reviews() {
      return reviews;
    },
    disconnect() {
      isConnected = false;
      for (const watcher of watchers) watcher.end();
    },
    connect() {
      isConnected = true;
    },
  };
}

/** Objects are stored untyped; the kind that was asked for says what they are. */
function typed<T>(value: unknown): T {
  return value as T;
}

function notFound(kind: Kind, name: string): ApiError {
  return new ApiError({
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    code: 404,
    message: `${kind.plural} "${name}" not found`,
  });
}

function matches(object: KubeObject, { namespace, labelSelector, fieldSelector }: Selectors): boolean {
  if (namespace !== undefined && object.metadata.namespace !== namespace) return false;
  const [label, value] = labelSelector?.split("=") ?? [];
  if (label !== undefined && object.metadata.labels?.[label] !== value) return false;
  return fieldSelector === undefined || fieldSelector === `metadata.name=${object.metadata.name}`;
}

function mergePatch(target: unknown, patch: unknown): unknown {
  if (typeof patch !== "object" || patch === null || Array.isArray(patch)) return patch;
  const base = typeof target === "object" && target !== null && !Array.isArray(target) ? target : {};
  const merged: Record<string, unknown> = { ...base };
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete merged[name];
    else merged[name] = mergePatch(merged[name], value);
  }
  return merged;
}
