import { entryFor, type FieldEntry, type FieldTable } from "./field-entry.ts";

/** The rows of a kind's table in docs/istio-fields.md, for the paths of its fields. */
export function fieldLines(table: FieldTable, paths: readonly string[]): readonly string[] {
  return paths.map((path) => {
    const entry = entryFor(table, path);
    return `| \`${path}\` | ${entry?.says ?? "unknown"} | ${entry === undefined ? "" : noteOf(entry)} |`;
  });
}

function noteOf({ note, refusedValues, accepted }: FieldEntry): string {
  const values = Object.entries(refusedValues).map(([value, said]) => `\`${value}\` is refused: ${said}`);
  const passes = accepted.length === 0 ? [] : [`${accepted.map((value) => `\`${value}\``).join(", ")} pass`];
  return [...(note === "" ? [] : [note]), ...values, ...passes].join("; ");
}
