import type { StandIn } from "../../contracts.ts";
import { serveHttp } from "../serve-http.ts";
import { idOf, json } from "./json-answer.ts";

/** Bookinfo's details: what is known of a book. */
export const details: StandIn = {
  name: "bookinfo details",
  matches: (imageName) => /^examples-bookinfo-details-v\d+$/.test(imageName),
  ports: [9080],
  start: (context) =>
    serveHttp(context, 9080, ({ url = "/" }) => {
      if (url === "/health") return json({ status: "Details is healthy" });
      const id = idOf(url, "details");
      if (id === undefined) return json({ error: "not found" }, 404);
      if (Number.isNaN(id)) return json({ error: "please provide numeric product id" }, 400);
      return json({
        id,
        author: "William Shakespeare",
        year: 1595,
        type: "paperback",
        pages: 200,
        publisher: "PublisherA",
        language: "English",
        "ISBN-10": "1234567890",
        "ISBN-13": "123-1234567890",
      });
    }),
};
