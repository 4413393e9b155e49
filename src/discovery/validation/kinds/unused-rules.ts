import { isJsonObject } from "../../../kube/index.ts";
import type { ConfigField } from "../config-field.ts";

/**
 * Warns of routes and matches that no request reaches: behind a route that matches everything, or said before. For HTTP
 * also of prefixes that begin like an earlier one.
 */
export function warnOfUnusedRules(routes: ConfigField, isHttp: boolean): void {
  const seen = new Map<string, number>();
  const prefixes: PrefixMatch[] = [];
  let catchAll: number | undefined;
  for (const [i, route] of routes.items.entries()) {
    const matches = route.field("match").items;
    const name = nameOf(route, i);
    if (matches.length === 0) {
      if (catchAll !== undefined)
        route.warn(`virtualService rule ${name} not used (only the last rule can have no matches)`);
      catchAll = i;
      continue;
    }
    let repeated = 0;
    for (const [k, match] of matches.entries()) {
      if (catchAll !== undefined) {
        match.warn(`virtualService rule ${name} not used (route without matches defined before)`);
        continue;
      }
      const key = contentOf(match);
      const earlier = seen.get(key);
      if (earlier !== undefined) {
        repeated++;
        const other = routes.items[earlier];
        const dup = other === undefined ? `#${earlier}` : nameOf(other, earlier);
        match.warn(ineffective(name, nameOf(match, k), dup));
        continue;
      }
      seen.set(key, i);
      const prefix = match.field("uri").field("prefix").text;
      if (isHttp && prefix !== "") prefixes.push({ match, prefix, rule: name, name: nameOf(match, k) });
    }
    if (repeated === matches.length)
      route.warn(`virtualService rule ${name} not used (all matches used by prior rules)`);
  }
  for (const [i, earlier] of prefixes.entries())
    for (const later of prefixes.slice(i + 1))
      if (covers(earlier, later))
        later.match.warn(
          ineffective(
            later.rule,
            `${later.name} of prefix ${later.prefix}`,
            `${earlier.name} of prefix ${earlier.prefix} on ${earlier.rule}`,
          ),
        );
}

interface PrefixMatch {
  readonly match: ConfigField;
  readonly prefix: string;
  readonly rule: string;
  readonly name: string;
}

function ineffective(rule: string, match: string, other: string): string {
  return `virtualService rule ${rule} match ${match} is not used (duplicate/overlapping match in rule ${other})`;
}

function nameOf(field: ConfigField, position: number): string {
  const name = field.field("name").text;
  return name === "" ? `#${position}` : JSON.stringify(name);
}

/** What a match says, without its name, the same for the same content. */
function contentOf(match: ConfigField): string {
  const sorted = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(sorted);
    if (!isJsonObject(value)) return value;
    const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
    return Object.fromEntries(entries.map(([name, member]) => [name, sorted(member)]));
  };
  return JSON.stringify(
    sorted(isJsonObject(match.value) ? { ...match.value, name: undefined } : match.value),
  );
}

/** Whether everything that `later` matches was matched by `earlier`, as far as prefixes and exact values tell. */
function covers(earlier: PrefixMatch, later: PrefixMatch): boolean {
  if (earlier.prefix === later.prefix || !later.prefix.startsWith(earlier.prefix)) return false;
  if (earlier.match.field("port").number !== later.match.field("port").number) return false;
  const said = (match: ConfigField, otherwise = "") => {
    const exact = match.field("exact").text;
    const prefix = match.field("prefix").text;
    return exact !== "" ? `exact:${exact}` : prefix !== "" ? `prefix:${prefix}` : otherwise;
  };
  // A match that names no method counts as one of GET.
  const methods = [earlier, later].map(({ match }) => said(match.field("method"), "exact:GET"));
  const authorities = [earlier, later].map(({ match }) => said(match.field("authority")));
  if (![methods, authorities].every(([a = "", b = ""]) => a.startsWith(b))) return false;
  return ["headers", "queryParams", "withoutHeaders"].every((side) => {
    const ours = earlier.match.field(side).entries;
    const theirs = new Map(later.match.field(side).entries);
    return (
      ours.length === theirs.size &&
      ours.every(([name, value]) => {
        const other = theirs.get(name);
        return other !== undefined && said(value).startsWith(said(other));
      })
    );
  });
}
