import type { HttpMatch, VirtualService } from "../../discovery/index.ts";

/** The paths that a condition lets through: one, or all below a prefix. "" as a prefix is every path. */
type Paths = { readonly exact: string } | { readonly prefix: string };

/** Whether some request's path could be taken by routes of both. Other conditions are not looked at. */
export function pathsMeet(a: VirtualService, b: VirtualService): boolean {
  return pathsOf(a).some((one) => pathsOf(b).some((other) => meet(one, other)));
}

function pathsOf({ spec }: VirtualService): readonly Paths[] {
  const { http = [], tcp = [], tls = [] } = spec;
  if (tcp.length > 0 || tls.length > 0) return [{ prefix: "" }];
  return http.flatMap(({ match = [] }) => (match.length === 0 ? [{ prefix: "" }] : match.map(pathOf)));
}

function pathOf({ uri, ignoreUriCase }: HttpMatch): Paths {
  if (uri === undefined || ignoreUriCase === true) return { prefix: "" };
  if (uri.exact !== undefined) return { exact: uri.exact };
  return { prefix: uri.prefix ?? "" };
}

function meet(a: Paths, b: Paths): boolean {
  if ("exact" in a) return "exact" in b ? a.exact === b.exact : a.exact.startsWith(b.prefix);
  if ("exact" in b) return b.exact.startsWith(a.prefix);
  return a.prefix.startsWith(b.prefix) || b.prefix.startsWith(a.prefix);
}
