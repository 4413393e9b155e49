import type { HttpAnswer } from "../serve-http.ts";

export function json(value: unknown, status = 200): HttpAnswer {
  return { status, headers: { "content-type": "application/json" }, body: JSON.stringify(value) };
}

/** The number at the end of "/reviews/0"; undefined when the path is another, NaN when it ends with no number. */
export function idOf(url: string, collection: string): number | undefined {
  const [path = ""] = url.split("?", 1);
  const match = new RegExp(`^/${collection}/([^/]+)$`).exec(path);
  return match === null ? undefined : /^\d+$/.test(match[1] ?? "") ? Number(match[1]) : Number.NaN;
}
