/** What becomes of a field of an Istio object that sets it. */
export interface FieldEntry {
  /**
   * run: discovery makes configuration of it. refused: the webhook keeps the object out. without effect: the object is
   * taken and the field changes nothing, which harms nobody.
   */
  readonly says: "run" | "refused" | "without effect";
  /** What the webhook says of the field, or why it changes nothing; "" for one that runs. */
  readonly note: string;
  /** Whether the webhook warns of it: Istio would act on the field. */
  readonly warns: boolean;
  /** Values of a refused field that ask for nothing and pass. */
  readonly accepted: readonly string[];
  /** Values of a field that runs which are refused, each with what the webhook says; "…" at the end stands for any end. */
  readonly refusedValues: Readonly<Record<string, string>>;
}

/**
 * What holds for the fields of one kind, by their path below `spec`: "http[].match[].headers.*.exact", where "[]" stands
 * for the elements of a list and "*" for the keys of a map. An entry holds for everything under its path that has no entry
 * of its own; "" is the whole spec.
 */
export type FieldTable = Readonly<Record<string, FieldEntry>>;

const plain = { note: "", warns: false, accepted: [], refusedValues: {} };

/** Discovery makes configuration of it. */
export const run: FieldEntry = { ...plain, says: "run" };

/** Runs, but for some values. */
export function runExcept(refusedValues: Readonly<Record<string, string>>): FieldEntry {
  return { ...run, refusedValues };
}

/** Not run here, though Istio does: `instead` says how to get there otherwise. */
export function notRun(instead: string, accepted: readonly string[] = []): FieldEntry {
  return { ...plain, says: "refused", note: `is not run here; ${instead}`, accepted };
}

/** Istio refuses it too, with this sentence. */
export function refusedByIstio(note: string): FieldEntry {
  return { ...plain, says: "refused", note };
}

/** Istio acts on it; here it changes nothing that anybody depends on, as `note` explains. */
export function noEffect(note: string): FieldEntry {
  return { ...plain, says: "without effect", note, warns: true };
}

/** Changes nothing with Istio either. */
export function noEffectAnywhere(note: string): FieldEntry {
  return { ...plain, says: "without effect", note };
}

/** The entries of a part that several places have. */
export function under(path: string, table: FieldTable): FieldTable {
  return Object.fromEntries(
    Object.entries(table).map(([name, entry]) => [name === "" ? path : `${path}.${name}`, entry]),
  );
}

/** The entry that holds for a field: its own, or that of the nearest place above it. */
export function entryFor(table: FieldTable, path: string): FieldEntry | undefined {
  for (let at = path; ; at = parentOf(at)) {
    const entry = Object.hasOwn(table, at) ? table[at] : undefined;
    if (entry !== undefined || at === "") return entry;
  }
}

function parentOf(path: string): string {
  return path.endsWith("[]") ? path.slice(0, -2) : path.slice(0, Math.max(0, path.lastIndexOf(".")));
}
