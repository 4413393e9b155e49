import type { StandIn } from "../../contracts.ts";
import { requestAsApp } from "../request-as-app.ts";
import { serveHttp } from "../serve-http.ts";
import { forwardedHeaders } from "./forwarded-headers.ts";
import { idOf, json } from "./json-answer.ts";

/** Color of the stars by version; version 1 shows none and asks nobody. */
const colors: Readonly<Record<string, string>> = { v2: "black", v3: "red" };
/** How long ratings may take, in milliseconds: version 3 is less patient, which Istio's fault injection task shows. */
const patience: Readonly<Record<string, number>> = { black: 10_000, red: 2500 };

const texts = [
  "An extremely entertaining play by Shakespeare. The slapstick humour is refreshing!",
  "Absolutely fun and entertaining. The play lacks thematic depth when compared to other plays by Shakespeare.",
] as const;

type Rating = { readonly stars: number; readonly color: string } | { readonly error: string };

/** Bookinfo's reviews, in its three versions. */
export const reviews: StandIn = {
  name: "bookinfo reviews",
  matches: (imageName) => /^examples-bookinfo-reviews-v\d+$/.test(imageName),
  ports: [9080],
  start(context) {
    const { container, env, network } = context;
    const version = /-reviews-(v\d+)/.exec(container.image ?? "")?.[1] ?? "v1";
    const color = env["STAR_COLOR"] ?? colors[version];
    const domain = env["SERVICES_DOMAIN"] === undefined ? "" : `.${env["SERVICES_DOMAIN"]}`;
    const host = env["RATINGS_HOSTNAME"] ?? "ratings";
    const port = env["RATINGS_SERVICE_PORT"] ?? "9080";
    const unavailable = { error: "Ratings service is currently unavailable" };
    return serveHttp(context, 9080, async ({ headers, url = "/" }) => {
      if (url === "/health") return json({ status: "Reviews is healthy" });
      const id = idOf(url, "reviews");
      if (id === undefined || Number.isNaN(id)) return json({ error: "not found" }, 404);
      const rate = async (): Promise<readonly (Rating | undefined)[]> => {
        if (color === undefined) return [undefined, undefined];
        const stars = await ratingsOf(id);
        return ["Reviewer1", "Reviewer2"].map((reviewer) => {
          const given = stars?.[reviewer];
          return stars === undefined ? unavailable : { stars: given ?? -1, color };
        });
      };
      const ratingsOf = async (product: number): Promise<Readonly<Record<string, number>> | undefined> => {
        const timeout = patience[color ?? ""] ?? 10_000;
        const from = new URL(`http://${host}${domain}:${port}/ratings/${product}`);
        try {
          const answer = await requestAsApp(network, from, { timeout, headers: forwardedHeaders(headers) });
          if (answer.status === 200) return JSON.parse(answer.body).ratings;
          context.log(`${from} answered ${answer.status}`);
        } catch (reason) {
          context.log(`${from}: ${reason instanceof Error ? reason.message : String(reason)}`);
        }
        return undefined;
      };
      const rated = await rate();
      return json({
        id: String(id),
        podname: env["HOSTNAME"] ?? "",
        clustername: env["CLUSTER_NAME"] ?? "null",
        reviews: texts.map((text, i) => ({
          reviewer: `Reviewer${i + 1}`,
          text,
          ...(rated[i] === undefined ? {} : { rating: rated[i] }),
        })),
      });
    });
  },
};
