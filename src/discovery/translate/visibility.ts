/**
 * Whether what a namespace owns is visible in another one: `exportTo` lists namespaces, "." is the owner's own
 * and "*" all of them. An empty list means the mesh's `defaults`, and with none of those, everywhere.
 */
export function isVisibleIn(
  exportTo: readonly string[],
  defaults: readonly string[],
  owner: string,
  namespace: string,
): boolean {
  const effective = exportTo.length > 0 ? exportTo : defaults;
  if (effective.length === 0) return true;
  return effective.some(
    (name) => name === "*" || name === namespace || (name === "." && owner === namespace),
  );
}
