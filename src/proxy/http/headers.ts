/**
 * Header fields of one message as name, value, name, value …: names in lower case, order kept, repeats allowed.
 * A flat array, because a message has about ten fields and most are only passed on.
 */
export type Headers = string[];

/** The first value of `name` (lower case). */
export function header(headers: Headers, name: string): string | undefined {
  for (let i = 0; i < headers.length; i += 2) if (headers[i] === name) return headers[i + 1];
  return undefined;
}

/** All values of `name` joined by a comma, as RFC 9110 5.3 allows. */
export function joinedHeader(headers: Headers, name: string): string | undefined {
  let joined: string | undefined;
  for (let i = 0; i < headers.length; i += 2) {
    if (headers[i] === name) joined = joined === undefined ? headers[i + 1] : `${joined},${headers[i + 1]}`;
  }
  return joined;
}

/** Replaces the first field called `name` and drops the others; appends when there is none. */
export function setHeader(headers: Headers, name: string, value: string): void {
  for (let i = 0; i < headers.length; i += 2) {
    if (headers[i] !== name) continue;
    headers[i + 1] = value;
    dropHeader(headers, name, i + 2);
    return;
  }
  headers.push(name, value);
}

/** Appends `value` to the list that `name` holds. */
export function appendHeader(headers: Headers, name: string, value: string): void {
  const before = joinedHeader(headers, name);
  setHeader(headers, name, before === undefined ? value : `${before},${value}`);
}

/** Appends `name` unless it is there. */
export function defaultHeader(headers: Headers, name: string, value: string): void {
  if (header(headers, name) === undefined) headers.push(name, value);
}

/** Drops every field called `name` at or after index `from`. */
export function dropHeader(headers: Headers, name: string, from = 0): void {
  for (let i = from; i < headers.length; i += 2) {
    if (headers[i] !== name) continue;
    let kept = i;
    for (let j = i + 2; j < headers.length; j += 2) {
      if (headers[j] === name) continue;
      headers[kept++] = headers[j] ?? "";
      headers[kept++] = headers[j + 1] ?? "";
    }
    headers.length = kept;
    return;
  }
}

/** Drops every field whose name `drop` says yes to. */
export function dropHeaders(headers: Headers, drop: (name: string) => boolean): void {
  let kept = 0;
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] ?? "";
    if (drop(name)) continue;
    headers[kept] = name;
    headers[kept + 1] = headers[i + 1] ?? "";
    kept += 2;
  }
  headers.length = kept;
}

/** The value of a cookie in a Cookie header, without quotes around it. */
export function cookieValue(cookies: string, name: string): string | undefined {
  for (const part of cookies.split(";")) {
    const equals = part.indexOf("=");
    if (equals > 0 && part.slice(0, equals).trim() === name) {
      return part
        .slice(equals + 1)
        .trim()
        .replace(/^"(.*)"$/, "$1");
    }
  }
  return undefined;
}

/** Bytes of the fields as HTTP/1.1 writes them. */
export function headersSize(headers: Headers): number {
  let size = 0;
  for (const text of headers) size += text.length + 2;
  return size;
}
