import type { ServerResponse } from "node:http";
import { type Html, html } from "./html.ts";

/** Sends a whole page. `base` leads to the top of the pages, "./" or "../", wherever they are mounted. */
export function sendPage(
  response: ServerResponse,
  { status, title, base, body }: { status: number; title: string; base: string; body: Html },
): void {
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<link rel="stylesheet" href="${base}pages.css">
<link rel="icon" href="data:,">
</head>
<body>
${body}
</body>
</html>
`;
  response.writeHead(status, {
    "content-type": "text/html; charset=utf-8",
    "cache-control": "no-store",
    "content-security-policy":
      "default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
  });
  response.end(page.markup);
}

const palette = 10;

/** Class of a name's colour: the same for the same name everywhere. */
export function colourClass(name: string): string {
  let hash = 0;
  for (const character of name) hash = (hash * 31 + (character.codePointAt(0) ?? 0)) % 65_521;
  return `k${hash % palette}`;
}

/** Microseconds for people: "812 µs", "3.12 ms", "1.50 s". */
export function formatDuration(microseconds: number): string {
  if (microseconds < 1000) return `${Math.round(microseconds)} µs`;
  if (microseconds < 1_000_000) return `${(microseconds / 1000).toFixed(2)} ms`;
  return `${(microseconds / 1_000_000).toFixed(2)} s`;
}

/** "1 span", "3 spans". */
export function plural(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? "" : "s"}`;
}
