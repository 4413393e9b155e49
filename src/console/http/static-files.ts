import { existsSync, readdirSync, readFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import path from "node:path";
import { gunzipSync } from "node:zlib";

/** The files of the web pages, as the build left them: each compressed, under its name and ".gz". */
export interface StaticFiles {
  /** Answers when there is such a file; false leaves the response untouched. */
  serve(request: IncomingMessage, response: ServerResponse, name: string): boolean;
}

const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".woff2": "font/woff2",
  ".json": "application/json",
};

/**
 * No page of ours needs more than its own files, and nobody may frame it. Style attributes that scripts set are no
 * inline styles for a policy; the address must not reach anybody, since it may hold the token.
 */
export const pageHeaders: Readonly<Record<string, string>> = {
  "content-security-policy":
    "default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self'; font-src 'self'; " +
    "img-src 'self' data: blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
};

/** Files of `folder`, read when first asked for. Without the folder there are none. */
export function createStaticFiles(folder: string): StaticFiles {
  const names = new Set(
    existsSync(folder)
      ? readdirSync(folder)
          .filter((name) => name.endsWith(".gz"))
          .map((name) => name.slice(0, -3))
      : [],
  );
  const read = new Map<string, Buffer>();
  return {
    serve(request, response, name) {
      if (!names.has(name)) return false;
      const packed = read.get(name) ?? readFileSync(path.join(folder, `${name}.gz`));
      read.set(name, packed);
      const isPacked = /\bgzip\b/.test(String(request.headers["accept-encoding"] ?? ""));
      const body = isPacked ? packed : gunzipSync(packed);
      // A name with a digest of its content never means anything else.
      const isFixed = /-[A-Z0-9]{8}\.\w+$/.test(name);
      response.writeHead(200, {
        ...pageHeaders,
        "content-type": types[path.extname(name)] ?? "application/octet-stream",
        "content-length": body.length,
        "cache-control": isFixed ? "public, max-age=31536000, immutable" : "no-cache",
        vary: "accept-encoding",
        ...(isPacked ? { "content-encoding": "gzip" } : {}),
      });
      response.end(request.method === "HEAD" ? undefined : body);
      return true;
    },
  };
}
