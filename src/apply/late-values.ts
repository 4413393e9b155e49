const pattern = /^\$\{address:([^/}]+)\/([^/}]+)\/([^/}]+)\}$/;

/** The Service whose external address a value waits for. */
export interface AddressReference {
  readonly cluster: string;
  readonly namespace: string;
  readonly service: string;
}

/** The reference that `text` is, or undefined when it is an ordinary text. */
export function addressReference(text: string): AddressReference | undefined {
  const [, cluster, namespace, service] = pattern.exec(text) ?? [];
  if (cluster === undefined || namespace === undefined || service === undefined) return undefined;
  return { cluster, namespace, service };
}

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
