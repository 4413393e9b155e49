import { jsonEqual, type Kind, type KubeClient, type KubeObject, objectKey } from "../kube/index.ts";

export interface KeepOptions {
  /** The kinds that may be made, by their names. */
  readonly kinds: Readonly<Record<string, Kind>>;
  readonly fieldManager: string;
}

/** Makes `present`, all objects of ours in an API, what is `wanted`: applies what differs, deletes what is left over. */
export async function keepObjects(
  client: KubeClient,
  wanted: readonly KubeObject[],
  present: readonly KubeObject[],
  { kinds, fieldManager }: KeepOptions,
): Promise<void> {
  const wantedById = new Map(wanted.map((object) => [idOf(object), object]));
  const presentById = new Map(present.map((object) => [idOf(object), object]));
  for (const [id, object] of wantedById) {
    const kind = kinds[object.kind];
    if (kind !== undefined && !isSame(presentById.get(id), object))
      await client.apply(kind, object, fieldManager);
  }
  for (const [id, { kind, metadata }] of presentById) {
    const made = kinds[kind];
    const place = metadata.namespace === undefined ? {} : { namespace: metadata.namespace };
    if (made !== undefined && !wantedById.has(id)) await client.delete(made, metadata.name, place);
  }
}

function idOf(object: KubeObject): string {
  return `${object.kind} ${objectKey(object)}`;
}

/** Whether everything that we want of an object is so already. */
function isSame(present: KubeObject | undefined, wanted: KubeObject): boolean {
  if (present === undefined) return false;
  const has = (map: Readonly<Record<string, string>> = {}, part: Readonly<Record<string, string>> = {}) =>
    Object.entries(part).every(([name, value]) => map[name] === value);
  return (
    jsonEqual(present["spec"], wanted["spec"]) &&
    has(present.metadata.labels, wanted.metadata.labels) &&
    has(present.metadata.annotations, wanted.metadata.annotations)
  );
}
