/** What a path is about, in the words of authorization rules. */
export type RequestTarget =
  | { readonly kind: "path"; readonly path: string }
  | {
      readonly kind: "resource";
      readonly group: string;
      readonly version: string;
      readonly plural: string;
      readonly namespace: string | undefined;
      readonly name: string | undefined;
      readonly subresource: string | undefined;
      /** What follows the subresource, for proxies, still encoded: "a/b". */
      readonly rest: string | undefined;
      /** Deprecated form: /api/v1/watch/... */
      readonly watch: boolean;
    };

const namespaceSubresources = new Set(["status", "finalize"]);

/** Reads the path of a request. Anything that names no resource is a plain path. */
export function requestTarget(path: string): RequestTarget {
  const parts = path.split("/");
  let at: number;
  let group = "";
  let version: string | undefined;
  if (parts[1] === "api" && parts.length > 3) {
    version = parts[2];
    at = 3;
  } else if (parts[1] === "apis" && parts.length > 4) {
    group = parts[2] ?? "";
    version = parts[3];
    at = 4;
  } else return { kind: "path", path };
  let rest = parts.slice(at);
  if (rest.at(-1) === "" && !rest.includes("proxy")) rest = rest.slice(0, -1);
  const watch = rest[0] === "watch" && rest.length > 1;
  if (watch) rest = rest.slice(1);
  if (rest.length === 0 || version === undefined) return { kind: "path", path };
  // What follows a proxy's name goes on as it came: decoded, it could smuggle in a request of its own.
  const raw = rest;
  rest = rest.map(decode);
  const resource = (
    plural: string,
    namespace: string | undefined,
    name: string | undefined,
    subresource: string | undefined,
    more: readonly string[],
  ): RequestTarget => ({
    kind: "resource",
    group,
    version,
    plural,
    namespace,
    name,
    subresource,
    rest: more.length === 0 ? undefined : more.join("/"),
    watch,
  });
  const [first = "", second, third, fourth, fifth] = rest;
  if (first === "namespaces" && second !== undefined && third !== undefined) {
    if (!(namespaceSubresources.has(third) && rest.length === 3))
      return resource(third, second, fourth, fifth, raw.slice(5));
    return resource("namespaces", undefined, second, third, []);
  }
  return resource(first, undefined, second, third, raw.slice(3));
}

function decode(part: string): string {
  if (!part.includes("%")) return part;
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
