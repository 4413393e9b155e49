import type { StandIn } from "../../contracts.ts";
import { type HttpAnswer, serveHttp } from "../serve-http.ts";
import { idOf, json } from "./json-answer.ts";

type Ratings = Readonly<Record<string, number>>;

const usual: Ratings = { Reviewer1: 5, Reviewer2: 4 };

/** Most products whose ratings are kept. */
const mostKept = 1000;

/** Bookinfo's ratings: stars by reviewer, which a POST replaces for as long as the pod lives. */
export const ratings: StandIn = {
  name: "bookinfo ratings",
  matches: (imageName) => /^examples-bookinfo-ratings-v(?:1|-[a-z0-9-]+)$/.test(imageName),
  ports: [9080],
  start(context) {
    const kept = new Map<number, Ratings>();
    return serveHttp(context, 9080, async ({ method, url = "/" }, readBody): Promise<HttpAnswer> => {
      if (url === "/health") return json({ status: "Ratings is healthy" });
      const id = idOf(url, "ratings");
      if (id === undefined) return json({ error: "not found" }, 404);
      if (Number.isNaN(id)) return json({ error: "please provide numeric product ID" }, 400);
      if (method !== "POST") return json({ id, ratings: kept.get(id) ?? usual });
      const given = readRatings(await readBody());
      if (given === undefined) return json({ error: "please provide valid ratings JSON" }, 400);
      if (kept.size >= mostKept) kept.clear();
      kept.set(id, given);
      return json({ id, ratings: given });
    });
  },
};

function readRatings(text: string): Ratings | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
    return Object.values(value).every((stars) => typeof stars === "number") ? (value as Ratings) : undefined;
  } catch {
    return undefined;
  }
}
