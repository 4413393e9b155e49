/** One xDS resource as it came, for dumps, comparison and reconnects. */
export interface StoredResource {
  readonly name: string;
  readonly version: string;
  readonly bytes: Uint8Array;
  /** Milliseconds since 1970. */
  readonly updated: number;
}

/** The resources of one type that were accepted last, by name. */
export interface ResourceTable {
  get(name: string): StoredResource | undefined;
  /** True when `bytes` are what is already known: then only the version is taken over. */
  isSame(name: string, version: string, bytes: Uint8Array): boolean;
  put(resource: StoredResource): void;
  remove(name: string): void;
  values(): Iterable<StoredResource>;
  /** Name → version, as initial_resource_versions wants it. */
  versions(): Record<string, string>;
}

export function createResourceTable(): ResourceTable {
  const resources = new Map<string, StoredResource>();
  return {
    get: (name) => resources.get(name),
    isSame(name, version, bytes) {
      const known = resources.get(name);
      if (known === undefined || Buffer.compare(known.bytes, bytes) !== 0) return false;
      if (known.version !== version) resources.set(name, { ...known, version });
      return true;
    },
    put(resource) {
      resources.set(resource.name, resource);
    },
    remove(name) {
      resources.delete(name);
    },
    values: () => resources.values(),
    versions: () => Object.fromEntries([...resources.values()].map(({ name, version }) => [name, version])),
  };
}
