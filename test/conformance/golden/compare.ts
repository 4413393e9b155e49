import { condense } from "./condense.ts";
import type { Scene } from "./scene.ts";

/** The parts of a proxy's configuration that can be compared alone; "gateways" means routers' listeners. */
export const parts = ["clusters", "endpoints", "routes", "gateways", "listeners"] as const;
export type Part = (typeof parts)[number];

/** One place where ours is not theirs. */
export interface Difference {
  readonly scene: string;
  readonly proxy: string;
  readonly path: string;
  readonly expected: unknown;
  readonly actual: unknown;
}

/** A difference on purpose: where (a regular expression over "scene/proxy/path") and why. */
export interface Intended {
  readonly where: string;
  readonly reason: string;
}

/** All differences of a scene in the parts asked for, those on purpose left out. */
export function compareScene(
  scene: Scene,
  only: ReadonlySet<Part>,
  intended: readonly Intended[],
): Difference[] {
  const found: Difference[] = [];
  for (const { name, isRouter, snapshot, expected } of scene.proxies) {
    const add = (path: string, left: unknown, right: unknown) =>
      found.push({ scene: scene.name, proxy: name, path, expected: left, actual: right });
    const theirs = fields(expected);
    const ours = condense(snapshot);
    for (const part of ["clusters", "endpoints", "routes", "listeners"] as const) {
      const isWanted =
        part === "listeners" ? only.has("listeners") || (isRouter && only.has("gateways")) : only.has(part);
      if (isWanted) compare(part, normalize(part, theirs[part]), normalize(part, ours[part]), add);
    }
  }
  const patterns = intended.map(({ where }) => new RegExp(where));
  return found.filter(
    ({ scene: of, proxy, path }) => !patterns.some((pattern) => pattern.test(`${of}/${proxy}/${path}`)),
  );
}

type Fields = Readonly<Record<string, unknown>>;

const fields = (value: unknown): Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : {};
const items = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

/** The value as text that is the same for equal values, whatever the order of their fields. */
function text(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(text).join()}]`;
  if (!isObject(value)) return JSON.stringify(value) ?? "null";
  const sorted = Object.keys(value)
    .filter((name) => !isEmpty(value[name]))
    .sort();
  return `{${sorted.map((name) => `${name}:${text(value[name])}`).join()}}`;
}

/** Puts what has no order into one, so that only order that matters is compared. */
function normalize(part: string, value: unknown): unknown {
  const each = (of: (item: Fields) => unknown) =>
    Object.fromEntries(Object.entries(fields(value)).map(([name, item]) => [name, of(fields(item))]));
  switch (part) {
    case "clusters":
      return each((cluster) =>
        cluster["inline"] === undefined ? cluster : { ...cluster, inline: localities(cluster["inline"]) },
      );
    case "endpoints":
      return Object.fromEntries(
        Object.entries(fields(value)).map(([name, item]) => [name, localities(item)]),
      );
    case "routes":
      return each((table) =>
        Object.fromEntries(
          Object.entries(table).map(([name, host]) => {
            const { domains, routes } = fields(host);
            return [
              name,
              {
                ...fields(host),
                domains: [...items(domains)].sort(),
                routes: items(routes).map((route) => normalizeRoute(fields(route))),
              },
            ];
          }),
        ),
      );
    default:
      return each((listener) => ({
        ...listener,
        listenerFilters: items(listener["listenerFilters"]),
        chains: items(listener["chains"])
          .map((chain) => normalizeChain(fields(chain)))
          .sort((a, b) => (text(a) < text(b) ? -1 : 1)),
      }));
  }
}

/** Header conditions stand in the scenes as JSON text, and all of them must hold, in any order. */
function normalizeRoute(route: Fields): Fields {
  const { headers } = route;
  if (headers === undefined) return route;
  const parsed = items(headers).map((header): unknown =>
    typeof header === "string" ? JSON.parse(header) : header,
  );
  return { ...route, headers: parsed.sort((a, b) => (text(a) < text(b) ? -1 : 1)) };
}

function localities(value: unknown): unknown {
  return items(value)
    .map((item) => {
      const locality = fields(item);
      return {
        ...locality,
        endpoints: [...items(locality["endpoints"])].sort((a, b) => (text(a) < text(b) ? -1 : 1)),
      };
    })
    .sort((a, b) => (text(a) < text(b) ? -1 : 1));
}

/** Chains are told apart by their match alone, so their order says nothing; nor does that of names in a match. */
function normalizeChain(chain: Fields): Fields {
  const match = chain["match"];
  if (match === undefined) return chain;
  const sorted = Object.fromEntries(
    Object.entries(fields(match)).map(([name, value]) => [
      name,
      Array.isArray(value) ? [...value].sort() : value,
    ]),
  );
  return { ...chain, match: Object.keys(sorted).length === 0 ? undefined : sorted };
}

function compare(
  path: string,
  left: unknown,
  right: unknown,
  add: (path: string, left: unknown, right: unknown) => void,
): void {
  if (Array.isArray(left) && Array.isArray(right)) {
    if (left.length !== right.length && left.every((item) => typeof item !== "object")) {
      add(path, left, right);
      return;
    }
    for (let i = 0; i < Math.max(left.length, right.length); i++)
      compare(`${path}[${i}]`, left[i], right[i], add);
    return;
  }
  if (isObject(left) && isObject(right)) {
    for (const name of new Set([...Object.keys(left), ...Object.keys(right)]))
      compare(`${path}.${name}`, left[name], right[name], add);
    return;
  }
  if (isEmpty(left) && isEmpty(right)) return;
  if (left !== right) add(path, left, right);
}

const isObject = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const isEmpty = (value: unknown) =>
  value === undefined || value === null || (Array.isArray(value) && value.length === 0);
