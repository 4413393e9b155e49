import {
  fromAnnotation,
  isJsonObject,
  type JsonObject,
  jsonEqual,
  type KubeObject,
} from "../../kube/index.ts";

/** One field that would have another value. */
export interface FieldChange {
  /** As kubectl writes paths, from `spec` where it is in there: "http[0].route[0].weight", "metadata.labels.app". */
  readonly path: string;
  /** Undefined: the field is not there. `hiddenValue` in Secrets. */
  readonly before: unknown;
  readonly after: unknown;
}

/** Stands for a value of a Secret. */
export const hiddenValue = "(value not shown)";

/** Set by API servers with every write. */
const written = ["managedFields", "resourceVersion", "generation", "uid", "creationTimestamp", "selfLink"];
/** Notes of ours and of kubectl's on where an object came from: they change nothing that runs. */
const notes = [fromAnnotation, "kubectl.kubernetes.io/last-applied-configuration"];

/** The fields in which an object would differ after an apply; what API servers keep themselves is left out. */
export function diffObjects(before: KubeObject, after: KubeObject): readonly FieldChange[] {
  const isSecret = before.kind === "Secret";
  return diffValues(comparable(before), comparable(after)).map(({ path, ...values }) => {
    const shown = isSecret && /^(string)?data\b/i.test(path) ? hide(values) : values;
    return { path: path.replace(/^spec\./, ""), before: shown.before, after: shown.after };
  });
}

/** The fields in which two JSON values differ. */
export function diffValues(before: unknown, after: unknown): readonly FieldChange[] {
  const changes: FieldChange[] = [];
  compare(before, after, "", changes);
  return changes;
}

function hide({ before, after }: Omit<FieldChange, "path">): Omit<FieldChange, "path"> {
  const hidden = (value: unknown) => (value === undefined ? undefined : hiddenValue);
  return { before: hidden(before), after: hidden(after) };
}

function comparable({ status: _status, metadata, ...rest }: KubeObject & { status?: unknown }): JsonObject {
  const annotations = without({ ...metadata.annotations }, notes);
  const kept = without({ ...metadata }, [...written, "annotations"]);
  return {
    ...rest,
    metadata: { ...kept, ...(Object.keys(annotations).length === 0 ? {} : { annotations }) },
  };
}

function without(object: JsonObject, names: readonly string[]): JsonObject {
  return Object.fromEntries(Object.entries(object).filter(([name]) => !names.includes(name)));
}

function compare(before: unknown, after: unknown, path: string, changes: FieldChange[]): void {
  if (jsonEqual(before, after)) return;
  if (isJsonObject(before) && isJsonObject(after)) {
    for (const name of new Set([...Object.keys(before), ...Object.keys(after)]))
      compare(before[name], after[name], childPath(path, name), changes);
    return;
  }
  if (Array.isArray(before) && Array.isArray(after)) {
    const [named, others] = [byName(before), byName(after)];
    if (named !== undefined && others !== undefined) {
      for (const name of new Set([...named.keys(), ...others.keys()]))
        compare(named.get(name), others.get(name), `${path}[${name}]`, changes);
      // The same elements in another order.
      if (changes.every((change) => !change.path.startsWith(`${path}[`)))
        changes.push({ path, before: [...named.keys()], after: [...others.keys()] });
      return;
    }
    if (before.length === after.length) {
      for (const [i, value] of before.entries()) compare(value, after[i], `${path}[${i}]`, changes);
      return;
    }
  }
  changes.push({ path, before, after });
}

/** Elements by their `name`, where all of a list have one of their own, as containers and ports do. */
function byName(list: readonly unknown[]): ReadonlyMap<string, unknown> | undefined {
  const named = new Map<string, unknown>();
  for (const element of list) {
    const name = isJsonObject(element) ? element["name"] : undefined;
    if (typeof name !== "string" || named.has(name)) return undefined;
    named.set(name, element);
  }
  return named;
}

function childPath(path: string, name: string): string {
  if (!/^[\w-]+$/.test(name)) return `${path}["${name}"]`;
  return path === "" ? name : `${path}.${name}`;
}
