import { type AddressReference, addressReference } from "../compile/index.ts";

/** `value` with every "${address:CLUSTER/NAMESPACE/SERVICE}" replaced by what `resolve` gives. */
export async function fillLateValues(
  value: unknown,
  resolve: (reference: AddressReference) => Promise<string>,
): Promise<unknown> {
  if (typeof value === "string") {
    const reference = addressReference(value);
    return reference === undefined ? value : resolve(reference);
  }
  if (Array.isArray(value)) return Promise.all(value.map((item) => fillLateValues(item, resolve)));
  if (typeof value !== "object" || value === null) return value;
  const filled = await Promise.all(
    Object.entries(value).map(async ([name, item]) => [name, await fillLateValues(item, resolve)] as const),
  );
  return Object.fromEntries(filled);
}
