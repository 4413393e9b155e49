import * as fc from "fast-check";

/** What a Workspace says, as far as the matrix of who may call whom depends on it. */
export interface DeclaredWorkspace {
  readonly name: string;
  readonly createdAt: string;
  /** By cluster, or "*" for every registered one. */
  readonly namespaces: readonly { readonly cluster: string; readonly names: readonly string[] }[];
  readonly exports: readonly string[];
  readonly exportTo: readonly string[];
  readonly importFrom: readonly string[];
  readonly isolation: boolean;
}

export interface Place {
  readonly cluster: string;
  readonly namespace: string;
}

/** Three workspaces, w1 to w3, over these clusters and namespaces, that export some of what is listed. */
export function randomWorkspaces(
  clusters: readonly string[],
  namespaces: readonly string[],
  exports: readonly string[],
): fc.Arbitrary<readonly DeclaredWorkspace[]> {
  const names = ["w1", "w2", "w3"];
  return fc.tuple(
    ...names.map((name) =>
      fc.record({
        name: fc.constant(name),
        createdAt: fc.constantFrom("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"),
        namespaces: fc.array(
          fc.record({
            cluster: fc.constantFrom("*", ...clusters),
            names: fc.subarray([...namespaces], { minLength: 1 }),
          }),
          { maxLength: 3 },
        ),
        exports: fc.subarray([...exports]),
        exportTo: fc.subarray(names),
        importFrom: fc.subarray(names),
        isolation: fc.boolean(),
      }),
    ),
  );
}

/** The workspace that a namespace belongs to: the oldest of those that claim it. */
export function ownerOf<T extends DeclaredWorkspace>(
  workspaces: readonly T[],
  { cluster, namespace }: Place,
): T | undefined {
  return [...workspaces]
    .sort((x, y) => (`${x.createdAt} ${x.name}` < `${y.createdAt} ${y.name}` ? -1 : 1))
    .find(({ namespaces }) =>
      namespaces.some(
        (one) => (one.cluster === "*" || one.cluster === cluster) && one.names.includes(namespace),
      ),
    );
}

/** Whether declarations let a namespace call a service of another one; said without any policy. */
export function mayCall(
  workspaces: readonly DeclaredWorkspace[],
  from: Place,
  to: Place,
  called: string,
): boolean {
  const [caller, callee] = [ownerOf(workspaces, from), ownerOf(workspaces, to)];
  if (callee === undefined || !callee.isolation || caller === callee) return true;
  if (caller === undefined || !isRelated(caller, callee)) return false;
  return callee.exports.length === 0 || isExported(callee, to, called);
}

/** Whether declarations give a service a name that another cluster's namespace knows. */
export function knowsName(
  workspaces: readonly DeclaredWorkspace[],
  from: Place,
  to: Place,
  called: string,
): boolean {
  const [caller, callee] = [ownerOf(workspaces, from), ownerOf(workspaces, to)];
  if (from.cluster === to.cluster || caller === undefined || callee === undefined) return false;
  return (caller === callee || isRelated(caller, callee)) && isExported(callee, to, called);
}

function isRelated(caller: DeclaredWorkspace, callee: DeclaredWorkspace): boolean {
  return caller.importFrom.includes(callee.name) && callee.exportTo.includes(caller.name);
}

function isExported({ exports }: DeclaredWorkspace, { namespace }: Place, called: string): boolean {
  const lines = ["*", `*.${namespace}`, `${called}.${namespace}`];
  return exports.some((line) => lines.includes(line));
}
