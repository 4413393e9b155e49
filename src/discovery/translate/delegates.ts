import type { HttpMatch, HttpRoute, StringMatch } from "./config-types.ts";

/**
 * The routes of a delegate as they stand in for the route of its root that names it. What a delegate's route
 * doesn't say, it takes from the root's; one that the root's conditions don't allow for is left out.
 */
export function delegatedRoutes(root: HttpRoute, delegate: readonly HttpRoute[]): HttpRoute[] {
  const { delegate: _, match: _conditions, route: _destinations, redirect: _redirect, ...inherited } = root;
  return delegate.flatMap((own) => {
    const match = mergeConditions(root.match ?? [], own.match ?? []);
    if (match === undefined) return [];
    const name = joined(root.name, own.name);
    return [
      {
        ...inherited,
        ...own,
        ...(name === "" ? {} : { name }),
        ...(match.length === 0 ? {} : { match }),
      },
    ];
  });
}

/** Every pair of conditions that can hold together; undefined when one of the delegate's goes with none of the root's. */
function mergeConditions(
  root: readonly HttpMatch[],
  delegate: readonly HttpMatch[],
): readonly HttpMatch[] | undefined {
  if (root.length === 0) return delegate;
  if (delegate.length === 0) return root;
  const merged = delegate.map((own) =>
    root.filter((outer) => !contradicts(outer, own)).map((outer) => mergeCondition(outer, own)),
  );
  return merged.some((pairs) => pairs.length === 0) ? undefined : merged.flat();
}

function mergeCondition(outer: HttpMatch, own: HttpMatch): HttpMatch {
  const name = joined(outer.name, own.name);
  return {
    ...outer,
    ...own,
    ...(name === "" ? {} : { name }),
    headers: { ...outer.headers, ...own.headers },
    withoutHeaders: { ...outer.withoutHeaders, ...own.withoutHeaders },
    queryParams: { ...outer.queryParams, ...own.queryParams },
    sourceLabels: { ...outer.sourceLabels, ...own.sourceLabels },
  };
}

const joined = (outer: string | undefined, own: string | undefined) =>
  [outer, own].filter((part) => part !== undefined && part !== "").join("-");

/** Whether the delegate's condition reaches for something that the root's doesn't allow. */
function contradicts(outer: HttpMatch, own: HttpMatch): boolean {
  const paths = ["uri", "scheme", "method", "authority"] as const;
  const named = ["headers", "withoutHeaders", "queryParams"] as const;
  return (
    paths.some((name) => !isWithin(outer[name], own[name])) ||
    named.some((field) =>
      Object.entries(own[field] ?? {}).some(([name, value]) => !isWithin(outer[field]?.[name], value)),
    ) ||
    (outer.ignoreUriCase === true) !== (own.ignoreUriCase === true) ||
    ((outer.port ?? 0) > 0 && (own.port ?? 0) > 0 && outer.port !== own.port) ||
    ((outer.sourceNamespace ?? "") !== "" && outer.sourceNamespace !== own.sourceNamespace) ||
    Object.entries(own.sourceLabels ?? {}).some(
      ([name, value]) => (outer.sourceLabels?.[name] ?? value) !== value,
    ) ||
    !areGatewaysWithin(outer.gateways ?? [], own.gateways ?? [])
  );
}

function areGatewaysWithin(outer: readonly string[], own: readonly string[]): boolean {
  if (outer.length === 0 || own.length === 0) return true;
  return own.length <= outer.length && own.every((name) => outer.includes(name));
}

/** Whether all that `own` takes is known to be taken by `outer` too. Nothing is known of regular expressions. */
function isWithin(outer: StringMatch | undefined, own: StringMatch | undefined): boolean {
  if (outer === undefined || own === undefined) return true;
  if (outer.exact !== undefined) return own.exact === outer.exact;
  if (outer.prefix === undefined) return false;
  return (own.prefix ?? own.exact)?.startsWith(outer.prefix) === true;
}
