import type { KubeObject } from "../../kube/index.ts";
import type { ChangeLog } from "../contracts.ts";
import type { Draft } from "../draft.ts";
import { createResourceStore, type ResourceStore } from "./resource-store.ts";

/**
 * All objects of one API server, in memory. One counter gives every change its resourceVersion, across all
 * resources, so versions of different resources can be compared. Everything is synchronous: between a read and
 * a write without an `await` nothing else happens.
 */
export interface Store {
  /** Version of the newest change. */
  readonly version: number;
  /** The objects of one resource, for example "pods" or "deployments.apps"; made on first use. */
  resource(name: string): ResourceStore;
  /** Those that were used. */
  readonly resources: ReadonlyMap<string, ResourceStore>;
}

/** Opens a store and replays `log`. Changes are appended to the log before anybody sees them. */
export function openStore(log: ChangeLog | undefined): Store {
  const resources = new Map<string, ResourceStore>();
  let version = 0;
  const replayed = new Map<string, Map<string, KubeObject>>();
  for (const record of log?.records() ?? []) {
    version = Math.max(version, record.resourceVersion);
    if (record.resource === "") continue;
    const objects = replayed.get(record.resource) ?? new Map<string, KubeObject>();
    replayed.set(record.resource, objects);
    if (record.object === undefined) objects.delete(record.key);
    else objects.set(record.key, record.object as KubeObject);
  }
  const startedAt = version;

  const resource = (name: string) => {
    const known = resources.get(name);
    if (known !== undefined) return known;
    const made = createResourceStore({
      initial: replayed.get(name) ?? new Map<string, KubeObject>(),
      startedAt,
      commit(key, draft: Draft | undefined, stamp) {
        version++;
        const object = stamp(String(version));
        log?.append({
          resourceVersion: version,
          resource: name,
          key,
          ...(draft === undefined ? {} : { object }),
        });
        return { version, object };
      },
      currentVersion: () => version,
    });
    replayed.delete(name);
    resources.set(name, made);
    return made;
  };
  return {
    get version() {
      return version;
    },
    resource,
    resources,
  };
}
