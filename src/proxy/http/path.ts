/** The path without its query. */
export function withoutQuery(path: string): string {
  const question = path.indexOf("?");
  return question < 0 ? path : path.slice(0, question);
}

/** The first value of a query parameter as it is written, escapes included; "" when it has none. */
export function queryValue(path: string, name: string): string | undefined {
  const question = path.indexOf("?");
  if (question < 0) return undefined;
  for (const part of path.slice(question + 1).split("&")) {
    const equals = part.indexOf("=");
    if ((equals < 0 ? part : part.slice(0, equals)) === name) return equals < 0 ? "" : part.slice(equals + 1);
  }
  return undefined;
}

/** The path without every parameter called `name`. */
export function withoutQueryValue(path: string, name: string): string {
  const bare = withoutQuery(path);
  const kept = path
    .slice(bare.length + 1)
    .split("&")
    .filter((part) => part !== name && !part.startsWith(`${name}=`));
  return bare.length === path.length || kept.length === 0 ? bare : `${bare}?${kept.join("&")}`;
}

/** Anything that normalizing could change. */
const suspicious = /\/\.|[%\\"<>^`{|}]/;
const percentEscape = /%([0-9a-fA-F]{2})/g;
const unreserved = /[A-Za-z0-9\-._~]/;

/**
 * Path and query with the path in its plainest form, so that rules about paths can't be gone round: escaped
 * unreserved characters decoded and unsafe ones escaped, backslashes turned, "." and ".." resolved (RFC 3986 6.2.2).
 * Undefined when it hides a NUL.
 */
export function normalizePath(path: string): string | undefined {
  if (!suspicious.test(path)) return path;
  const bare = withoutQuery(path);
  const query = path.slice(bare.length);
  const decoded = bare
    // Parameters of dot segments hide them from servers that drop parameters first.
    .replace(/\/(\.\.?);[^/]*/g, "/$1")
    .replace(percentEscape, (whole, code: string) => {
      const character = String.fromCharCode(Number.parseInt(code, 16));
      return unreserved.test(character) ? character : whole;
    })
    .replaceAll("\\", "/")
    .replace(/["<>^`{|}]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
  if (decoded.includes("%00")) return undefined;
  const kept: string[] = [];
  const segments = decoded.split("/").slice(1);
  for (const [index, segment] of segments.entries()) {
    const isLast = index === segments.length - 1;
    if (segment === "..") {
      kept.pop();
      if (isLast) kept.push("");
    } else if (segment === ".") {
      if (isLast) kept.push("");
    } else kept.push(segment);
  }
  return `/${kept.join("/")}${query}`;
}

/** The path with runs of slashes made one; the query stays. */
export function mergeSlashes(path: string): string {
  const bare = withoutQuery(path);
  return bare.includes("//") ? bare.replace(/\/{2,}/g, "/") + path.slice(bare.length) : path;
}

/** Whether the path hides slashes in escapes. */
export function hasEscapedSlashes(path: string): boolean {
  return /%(2f|5c)/i.test(withoutQuery(path));
}

/** The path with escaped slashes and backslashes written out. */
export function unescapeSlashes(path: string): string {
  const bare = withoutQuery(path);
  return bare.replace(/%2f/gi, "/").replace(/%5c/gi, "\\") + path.slice(bare.length);
}
