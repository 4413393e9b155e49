import { randomBytes } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import type { StandIn } from "../../contracts.ts";
import { requestAsApp } from "../request-as-app.ts";
import { type HttpAnswer, serveHttp } from "../serve-http.ts";
import { forwardedHeaders } from "./forwarded-headers.ts";
import { json } from "./json-answer.ts";
import { type Book, type Details, type Outcome, productHtml, type Reviews } from "./product-html.ts";

const books: readonly Book[] = [
  {
    id: 0,
    title: "The Comedy of Errors",
    descriptionHtml:
      '<a href="https://en.wikipedia.org/wiki/The_Comedy_of_Errors">Wikipedia Summary</a>: The Comedy of Errors is one of <b>William Shakespeare\'s</b> early plays. It is his shortest and one of his most farcical comedies, with a major part of the humour coming from slapstick and mistaken identity, in addition to puns and word play.',
  },
];

/** Milliseconds that a service may take; reviews are asked twice. */
const patience = 3000;
/** Most people who are signed in at once. */
const mostSessions = 1000;

/** Bookinfo's productpage: the page of a book, from details and reviews; who signs in is handed on as `end-user`. */
export const productpage: StandIn = {
  name: "bookinfo productpage",
  matches: (imageName) => /^examples-bookinfo-productpage-v(?:\d+|-flooding)$/.test(imageName),
  ports: [9080],
  start(context) {
    const { env, network } = context;
    const domain = env["SERVICES_DOMAIN"] === undefined ? "" : `.${env["SERVICES_DOMAIN"]}`;
    const base = (service: string) => {
      const name = service.toUpperCase();
      const host = env[`${name}_HOSTNAME`] ?? service;
      return `http://${host}${domain}:${env[`${name}_SERVICE_PORT`] ?? "9080"}/${service}`;
    };
    const sessions = new Map<string, string>();
    const userOf = (headers: IncomingHttpHeaders): string | undefined =>
      sessions.get(/(?:^|;\s*)session=([^;]+)/.exec(headers.cookie ?? "")?.[1] ?? "");

    const ask = async <T>(service: string, id: number, headers: IncomingHttpHeaders, tries: number) => {
      const user = userOf(headers);
      const from = new URL(`${base(service)}/${id}`);
      let status = 500;
      for (let i = 0; i < tries; i++) {
        try {
          const forwarded = {
            ...forwardedHeaders(headers),
            ...(user === undefined ? {} : { "end-user": user }),
          };
          const answer = await requestAsApp(network, from, { timeout: patience, headers: forwarded });
          if (answer.status === 200) return { status: 200, value: JSON.parse(answer.body) as T };
          status = answer.status;
          context.log(`${from} answered ${answer.status}`);
        } catch (reason) {
          context.log(`${from}: ${reason instanceof Error ? reason.message : String(reason)}`);
        }
      }
      const thing = service === "details" ? "details" : service === "ratings" ? "ratings" : "reviews";
      return { status, error: `Sorry, product ${thing} are currently unavailable for this book.` };
    };
    const api = (outcome: Outcome<unknown>) =>
      json("error" in outcome ? { error: outcome.error } : outcome.value, outcome.status);

    return serveHttp(context, 9080, async ({ headers, method, url = "/" }, readBody): Promise<HttpAnswer> => {
      const [path = "/"] = url.split("?", 1);
      if (path === "/health") return { status: 200, headers: html, body: "Product page is healthy" };
      if (path === "/" || path === "/index.html") return redirect("/productpage");
      if (path === "/login" && method === "POST") {
        const user = new URLSearchParams(await readBody()).get("username") ?? "";
        if (sessions.size >= mostSessions) sessions.clear();
        const session = randomBytes(16).toString("base64url");
        sessions.set(session, user);
        return redirect(backTo(headers), `session=${session}; Path=/; HttpOnly; SameSite=Lax`);
      }
      if (path === "/logout") return redirect(backTo(headers), "session=; Path=/; Max-Age=0");
      if (path === "/productpage") {
        const [book] = books as readonly [Book];
        const [details, reviews] = await Promise.all([
          ask<Details>("details", book.id, headers, 1),
          ask<Reviews>("reviews", book.id, headers, 2),
        ]);
        return { status: 200, headers: html, body: productHtml(book, details, reviews, userOf(headers)) };
      }
      if (path === "/api/v1/products") return json(books);
      const [, product = "", part = ""] =
        /^\/api\/v1\/products\/(\d+)(?:\/(reviews|ratings))?$/.exec(path) ?? [];
      if (product === "") return { status: 404, headers: html, body: "Not Found" };
      if (part === "") return api(await ask("details", Number(product), headers, 1));
      return api(await ask(part, Number(product), headers, part === "reviews" ? 2 : 1));
    });
  },
};

const html = { "content-type": "text/html; charset=utf-8" };

function redirect(location: string, cookie?: string): HttpAnswer {
  const headers = { location, ...(cookie === undefined ? {} : { "set-cookie": cookie }) };
  return { status: 302, headers, body: "" };
}

/** The page on which somebody signed in or out, of this site only. */
function backTo({ referer, host }: IncomingHttpHeaders): string {
  if (referer === undefined || !URL.canParse(referer)) return "/productpage";
  const from = new URL(referer);
  return from.host === host ? `${from.pathname}${from.search}` : "/productpage";
}
