import assert from "node:assert/strict";
import type { IncomingMessage, ServerResponse } from "node:http";
import { suite, test } from "vitest";
import type { Span } from "../span.ts";
import { createTraceStore } from "../trace-store.ts";
import { createTracePages } from "./trace-pages.ts";

const now = 1_763_740_800_000;
const clock = { now: () => now, after: () => () => {} };

/** The pages on traces of `spans`; `get` answers a path's status, headers and text. */
function pagesOf(...spans: readonly Partial<Span>[]) {
  const store = createTraceStore({ clock, retention: 3_600_000, mostBytes: 1_000_000, mostSpans: 100 });
  store.add(
    spans.map((span) => ({
      traceId: "0".repeat(31).concat("a"),
      spanId: "00000000000000a1",
      links: [],
      name: "shop.default.svc.cluster.local:80/*",
      start: now * 1000 - 5_000_000,
      duration: 4000,
      service: "gateway.istio-system",
      process: [],
      tags: [],
      logs: [],
      isError: false,
      ...span,
    })),
  );
  const handle = createTracePages(store, clock);
  return async (url: string) => {
    let status = 0;
    let headers: Readonly<Record<string, string>> = {};
    let text = "";
    const response = {
      writeHead(code: number, fields: Readonly<Record<string, string>>) {
        status = code;
        headers = fields;
        return this;
      },
      end(body: string) {
        text = body;
      },
    };
    const known = await handle(
      { method: "GET", url } as IncomingMessage,
      response as unknown as ServerResponse,
    );
    return { known, status, headers, text };
  };
}

/** The text of a page without its tags, whitespace as one blank. */
function wordsOf(text: string): string {
  return text.replace(/<[^>]*>/g, " ").replace(/\s+/g, " ");
}

const below: Partial<Span> = {
  spanId: "00000000000000a2",
  parentId: "00000000000000a1",
  start: now * 1000 - 4_999_000,
  duration: 1000,
  service: "shop.default",
  kind: "server",
  tags: [["http.status_code", "503"]],
  isError: true,
};

suite("the pages on traces", () => {
  test("list what was found with its services, durations and errors, and lead to each trace", async () => {
    const get = pagesOf({}, below);
    const { status, text } = await get("/search?service=shop.default");
    assert.equal(status, 200);
    assert.match(text, /href="trace\/0000000000000000000000000000000a"/);
    assert.match(
      wordsOf(text),
      /gateway\.istio-system: shop\.default\.svc\.cluster\.local:80\/\* 0000000 ● 1 error .*gateway\.istio-system 1 shop\.default 1 .*2 4\.00 ms .*5 s ago/,
    );
    assert.match(text, /<option value="shop.default" selected>/);
    assert.match(
      wordsOf((await get("/search?service=shop.default&minDuration=3ms")).text),
      /No trace is like this/,
    );
    assert.match(wordsOf((await get("/search?lookback=5m")).text), /1 trace of 2 services/);
  });

  test("show a trace as a waterfall: each span below the one that caused it, its bar where it was", async () => {
    const { status, text } = await pagesOf({}, below)("/trace/a");
    assert.equal(status, 200);
    const bars = [...text.matchAll(/<rect class="bar" x="([\d.]+)" y="2" width="([\d.]+)"/g)];
    assert.deepEqual(
      bars.map(([, x, width]) => [Number(x), Number(width)]),
      [
        [0, 1000],
        [250, 250],
      ],
    );
    assert.deepEqual(
      [...text.matchAll(/class="what (d\d)"><span class="chip k\d">([^<]+)/g)].map(([, depth, service]) => [
        depth,
        service,
      ]),
      [
        ["d0", "gateway.istio-system"],
        ["d1", "shop.default"],
      ],
    );
    assert.match(wordsOf(text), /Tags http\.status_code 503/);
    assert.match(wordsOf(text), /Duration 4\.00 ms Services 2 Depth 2 Spans 2 Errors ● 1/);
  });

  test("show spans that cause each other in a circle, and those whose parent is unknown", async () => {
    const circle = [
      { spanId: "00000000000000b1", parentId: "00000000000000b2" },
      { spanId: "00000000000000b2", parentId: "00000000000000b1" },
      { spanId: "00000000000000b3", parentId: "00000000000000ff" },
    ];
    const { text } = await pagesOf(...circle)("/trace/a");
    assert.equal(text.match(/<details/g)?.length, 3);
  });

  test("never take what was reported for markup, and allow no script", async () => {
    const evil = `<script>alert(1)</script>"'&`;
    const get = pagesOf({ name: evil, service: evil, tags: [[evil, evil]], process: [[evil, evil]] });
    for (const path of [
      "/search",
      `/search?service=${encodeURIComponent(evil)}&tags=${encodeURIComponent(evil)}`,
      "/trace/a",
      `/trace/${encodeURIComponent(evil)}`,
    ]) {
      const { text, headers } = await get(path);
      assert.doesNotMatch(text, /<script|="[^"]*"'&/, path);
      assert.match(headers["content-security-policy"] ?? "", /default-src 'none'; style-src 'self'/);
    }
  });

  test("say what is wrong with a search, what is not there, and how to get the first trace", async () => {
    const get = pagesOf({});
    const wrong = await get("/search?service=gateway.istio-system&minDuration=long");
    assert.equal(wrong.status, 400);
    assert.match(wordsOf(wrong.text), /&#34;minDuration&#34; must be a duration/);
    assert.equal((await get("/trace/ffff")).status, 404);
    assert.equal((await get("/elsewhere")).known, false);
    const empty = await pagesOf()("/");
    assert.match(wordsOf(empty.text), /Nobody has reported a span yet\. .*isthmus load/);
    assert.match((await get("/pages.css")).headers["content-type"] ?? "", /^text\/css/);
  });
});
