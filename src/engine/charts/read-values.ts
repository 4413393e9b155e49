/** Values of a chart, as YAML gives them. */
export type Values = Readonly<Record<string, unknown>>;

/** The map at `name`; empty when there is none. */
export function section(values: Values, name: string): Values {
  const value = values[name];
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Values) : {};
}

export function text(value: unknown, otherwise: string): string {
  return value === undefined || value === null || value === "" ? otherwise : String(value);
}

export function texts(values: Values): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, String(value)]));
}

export function list<T>(value: unknown): readonly T[] {
  return Array.isArray(value) ? value : [];
}

/** A number of replicas, ports and the like. */
export function count(value: unknown, otherwise: number): number {
  const number = Number(value ?? otherwise);
  return Number.isInteger(number) && number >= 0 ? number : otherwise;
}

/** As Helm's templates see it: "false", "", 0 and nothing are no; unlike there, the text "false" is no as well. */
export function isOn(value: unknown, otherwise: boolean): boolean {
  return value === undefined || value === null ? otherwise : Boolean(value) && value !== "false";
}
