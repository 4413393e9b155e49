import type { RequestHandler } from "../../../runtime/index.ts";

/** /livez, /readyz and /healthz: it is well. */
export const answerHealth: RequestHandler = async ({ url = "/" }, response) => {
  const isKnown = /^\/(livez|readyz|healthz)(\?|$)/.test(url);
  response
    .writeHead(isKnown ? 200 : 404, { "content-type": "text/plain" })
    .end(isKnown ? "ok" : "404 page not found\n");
};
