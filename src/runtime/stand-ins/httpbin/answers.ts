import { createHash, randomBytes, randomUUID } from "node:crypto";
import { setTimeout as passed } from "node:timers/promises";
import type { HttpAnswer } from "../serve-http.ts";

/** A request as httpbin tells of it. */
export interface Asked {
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  /** By name as Go writes it: "X-Request-Id". */
  readonly fields: ReadonlyMap<string, readonly string[]>;
  /** Address of the other side of the connection. */
  readonly peer: string;
  readonly body: string;
  readonly hostname: string;
  /** Values of headers and of the query as lists, as go-httpbin has them; else as texts. */
  readonly asLists: boolean;
}

type Handler = (
  asked: Asked,
  words: readonly string[],
  query: URLSearchParams,
) => HttpAnswer | Promise<HttpAnswer>;

/** Longest delay that can be asked for, in seconds. */
const mostDelay = 10;
/** Most bytes, lines and redirects that can be asked for. */
const mostBytes = 100 * 1024;
const mostLines = 100;
const mostRedirects = 20;

/** What httpbin answers. Never rejects. */
export async function answerOf(asked: Asked): Promise<HttpAnswer> {
  const url = new URL(asked.target, "http://httpbin");
  const [first = "", ...words] = url.pathname.split("/").slice(1).map(decode);
  const route = Object.hasOwn(routes, first) ? routes[first] : undefined;
  if (route === undefined) return text(404, "Not Found\n");
  if (route.methods !== undefined && !route.methods.includes(asked.method))
    return { ...text(405, "Method Not Allowed\n"), headers: { allow: route.methods.join(", ") } };
  return route.answer(asked, words, url.searchParams);
}

const get = (answer: Handler) => ({ methods: ["GET", "HEAD", "OPTIONS"], answer });
const only = (...methods: string[]) => ({ methods, answer: echoWithBody });
const any = (answer: Handler) => ({ methods: undefined, answer });

const routes: Readonly<
  Record<string, { readonly methods: readonly string[] | undefined; readonly answer: Handler }>
> = {
  "": get(() => ({ status: 200, headers: html, body: page("httpbin", "Send a request, see what came.") })),
  get: get((asked) => json(echoed(asked))),
  head: { methods: ["HEAD"], answer: (asked) => json(echoed(asked)) },
  post: only("POST"),
  put: only("PUT"),
  patch: only("PATCH"),
  delete: only("DELETE"),
  anything: any(echoWithBody),
  headers: get((asked) => json({ headers: headersOf(asked) })),
  ip: get((asked) => json({ origin: originOf(asked) })),
  "user-agent": get(({ fields }) => json({ "user-agent": fields.get("User-Agent")?.[0] ?? "" })),
  hostname: get(({ hostname }) => json({ hostname })),
  uuid: get(() => json({ uuid: randomUUID() })),
  status: any((_, [wanted = ""]) => statusOf(wanted)),
  unstable: any((_, __, query) => {
    const rate = Number(query.get("failure_rate") ?? 0.5);
    if (!(rate >= 0 && rate <= 1)) return text(400, `invalid failure rate: ${query.get("failure_rate")}\n`);
    return text(Math.random() < rate ? 500 : 200, "");
  }),
  delay: any(async (asked, [wanted = ""]) => {
    const seconds = Number(wanted.replace(/s$/, ""));
    if (wanted === "" || !(seconds >= 0)) return text(400, `invalid duration: ${wanted}\n`);
    await passed(Math.min(seconds, mostDelay) * 1000);
    return echoWithBody(asked);
  }),
  redirect: get((_, [count = ""]) => redirected("relative-redirect", count)),
  "relative-redirect": get((_, [count = ""]) => redirected("relative-redirect", count)),
  "absolute-redirect": get((asked, [count = ""]) =>
    redirected("absolute-redirect", count, `http://${hostOf(asked)}`),
  ),
  "redirect-to": any((_, __, query) => {
    const [location, status] = [query.get("url"), Number(query.get("status_code") ?? 302)];
    if (location === null || location === "") return text(400, "missing required query param: url\n");
    if (!(status >= 300 && status < 400)) return text(400, `invalid status code: ${status}\n`);
    return safely(status, { location });
  }),
  cookies: get((asked, [action = ""], query) => {
    if (action === "") return json(asked.asLists ? cookiesOf(asked) : { cookies: cookiesOf(asked) });
    const wanted =
      action === "set"
        ? [...query].map(([name, value]) => `${name}=${value}; Path=/`)
        : [...query.keys()].map((name) => `${name}=; Path=/; Max-Age=0`);
    return safely(302, { location: "/cookies", "set-cookie": wanted });
  }),
  "basic-auth": get((asked, [user = "", password = ""]) => basic(asked, user, password, 401)),
  "hidden-basic-auth": get((asked, [user = "", password = ""]) => basic(asked, user, password, 404)),
  bearer: get(({ fields }) => {
    const token = /^Bearer (.+)$/i.exec(fields.get("Authorization")?.[0] ?? "")?.[1];
    if (token === undefined) return { ...text(401, ""), headers: { "www-authenticate": "Bearer" } };
    return json({ authenticated: true, token });
  }),
  "response-headers": get((_, __, query) => {
    const headers: Record<string, string[]> = {};
    for (const [name, value] of query) headers[name] = [...(headers[name] ?? []), value];
    return safely(200, { ...asJson, ...headers }, `${JSON.stringify(headers, undefined, 2)}\n`);
  }),
  base64: get((_, words) => {
    const value = words.at(-1) ?? "";
    const bytes = words[0] === "encode" ? Buffer.from(value).toString("base64") : decodeBase64(value);
    return bytes === undefined ? text(400, `decode failed: ${value}\n`) : text(200, bytes);
  }),
  bytes: get((_, [count = ""]) => {
    const size = Number(count);
    if (!Number.isInteger(size) || size < 0) return text(400, `invalid byte count: ${count}\n`);
    // In an alphabet that a text can hold.
    const body = randomBytes(Math.min(size, mostBytes))
      .toString("base64")
      .slice(0, Math.min(size, mostBytes));
    return { status: 200, headers: { "content-type": "application/octet-stream" }, body };
  }),
  stream: get((asked, [count = ""]) => {
    const lines = Number(count);
    if (!Number.isInteger(lines) || lines < 0) return text(400, `invalid count: ${count}\n`);
    return { status: 200, headers: asJson, body: linesOf(asked, Math.min(lines, mostLines)) };
  }),
  html: get(() => ({ status: 200, headers: html, body: page("httpbin", "A page of HTML.") })),
  json: get(() => json({ slideshow: { title: "Sample", slides: [{ title: "One", type: "all" }] } })),
  xml: get(() => ({
    status: 200,
    headers: { "content-type": "application/xml" },
    body: `<?xml version="1.0"?>\n<slideshow title="Sample"/>\n`,
  })),
  "robots.txt": get(() => text(200, "User-agent: *\nDisallow: /deny\n")),
  deny: get(() => text(200, "You should not be here.\n")),
  cache: get((asked) => {
    const isKnown = asked.fields.has("If-None-Match") || asked.fields.has("If-Modified-Since");
    const tag = createHash("sha1").update(asked.target).digest("hex");
    if (isKnown) return { status: 304, headers: { etag: tag }, body: "" };
    const answer = json(echoed(asked));
    return {
      ...answer,
      headers: { ...answer.headers, etag: tag, "last-modified": new Date().toUTCString() },
    };
  }),
};

const html = { "content-type": "text/html; charset=utf-8" };
const asJson = { "content-type": "application/json; charset=utf-8" };

function json(value: unknown): HttpAnswer {
  return { status: 200, headers: asJson, body: `${JSON.stringify(value, undefined, 2)}\n` };
}

function text(status: number, body: string): HttpAnswer {
  return { status, headers: { "content-type": "text/plain; charset=utf-8" }, body };
}

function page(title: string, said: string): string {
  return `<!DOCTYPE html>\n<html lang="en">\n<head><title>${title}</title></head>\n<body><h1>${title}</h1><p>${said}</p></body>\n</html>\n`;
}

/** What somebody wrote into an answer's head; an error where HTTP can't carry it. */
function safely(status: number, headers: NonNullable<HttpAnswer["headers"]>, body = ""): HttpAnswer {
  const isToken = (name: string) => /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name);
  const isText = (value: string) => /^[\t\x20-\x7e]*$/.test(value);
  const isGood = Object.entries(headers).every(
    ([name, values]) => isToken(name) && [values].flat().every((value) => isText(value)),
  );
  return isGood ? { status, headers, body } : text(400, "a header can't be written\n");
}

function headersOf({ fields, asLists }: Asked): Readonly<Record<string, unknown>> {
  const sorted = [...fields].sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(sorted.map(([name, values]) => [name, asLists ? values : values.join(",")]));
}

function originOf({ fields, peer }: Asked): string {
  return fields.get("X-Forwarded-For")?.join(", ").split(",")[0]?.trim() || peer;
}

function hostOf({ fields }: Asked): string {
  return fields.get("Host")?.[0] ?? "httpbin";
}

/** What came, without its body. */
function echoed(asked: Asked) {
  const query = new URL(asked.target, "http://httpbin").searchParams;
  const args = Object.fromEntries(
    [...new Set(query.keys())].map((name) => {
      const values = query.getAll(name);
      return [name, asked.asLists || values.length > 1 ? values : values[0]];
    }),
  );
  const scheme = asked.fields.get("X-Forwarded-Proto")?.[0] === "https" ? "https" : "http";
  return {
    args,
    headers: headersOf(asked),
    ...(asked.asLists ? { method: asked.method } : {}),
    origin: originOf(asked),
    url: `${scheme}://${hostOf(asked)}${asked.target}`,
  };
}

function echoWithBody(asked: Asked): HttpAnswer {
  const type = asked.fields.get("Content-Type")?.[0] ?? "";
  const isForm = type.startsWith("application/x-www-form-urlencoded");
  const form: Record<string, string[]> = {};
  if (isForm)
    for (const [name, value] of new URLSearchParams(asked.body)) form[name] = [...(form[name] ?? []), value];
  return json({
    ...echoed(asked),
    data: isForm ? "" : asked.body,
    files: {},
    form,
    json: type.includes("json") ? parsed(asked.body) : null,
  });
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return null;
  }
}

/** "503", or one of several by weight: "200:0.9,500:0.1". */
function statusOf(wanted: string): HttpAnswer {
  const choices = wanted.split(",").map((part) => {
    const [code = "", weight = "1"] = part.split(":");
    return { code: Number(code), weight: Number(weight) };
  });
  if (
    !choices.every(({ code, weight }) => Number.isInteger(code) && code >= 200 && code < 600 && weight >= 0)
  )
    return text(400, `invalid status code: ${wanted}\n`);
  const code = drawn(choices);
  if (code === 401) return { ...text(code, ""), headers: { "www-authenticate": 'Basic realm="Fake Realm"' } };
  if (code >= 300 && code < 400 && code !== 304) return safely(code, { location: "/redirect/1" });
  return text(code, code === 418 ? "I'm a teapot!\n" : "");
}

function drawn(choices: readonly { readonly code: number; readonly weight: number }[]): number {
  let left = Math.random() * choices.reduce((sum, { weight }) => sum + weight, 0);
  for (const { code, weight } of choices) {
    left -= weight;
    if (left < 0) return code;
  }
  return choices[0]?.code ?? 200;
}

function redirected(kind: string, count: string, base = ""): HttpAnswer {
  const times = Number(count);
  if (!Number.isInteger(times) || times < 1) return text(400, `invalid redirect count: ${count}\n`);
  const left = Math.min(times, mostRedirects) - 1;
  return safely(302, { location: left > 0 ? `${base}/${kind}/${left}` : `${base}/get` });
}

function cookiesOf({ fields }: Asked): Readonly<Record<string, string>> {
  const pairs = (fields.get("Cookie") ?? []).flatMap((line) => line.split(/; */));
  return Object.fromEntries(
    pairs.flatMap((pair) => {
      const at = pair.indexOf("=");
      return at > 0 ? [[pair.slice(0, at), pair.slice(at + 1)]] : [];
    }),
  );
}

function basic({ fields }: Asked, user: string, password: string, refusal: number): HttpAnswer {
  const given = /^Basic (.+)$/i.exec(fields.get("Authorization")?.[0] ?? "")?.[1] ?? "";
  if (Buffer.from(given, "base64").toString() === `${user}:${password}`)
    return json({ authenticated: true, authorized: true, user });
  const headers = refusal === 401 ? { "www-authenticate": 'Basic realm="Fake Realm"' } : {};
  return { status: refusal, headers, body: "" };
}

function decodeBase64(value: string): string | undefined {
  return /^[\w+/=-]*$/.test(value) ? Buffer.from(value, "base64").toString() : undefined;
}

async function* linesOf(asked: Asked, count: number): AsyncGenerator<string> {
  for (let id = 0; id < count; id += 1) yield `${JSON.stringify({ id, ...echoed(asked) })}\n`;
}

/** A word of a path; as it is where it is no text. */
function decode(word: string): string {
  try {
    return decodeURIComponent(word);
  } catch {
    return word;
  }
}
