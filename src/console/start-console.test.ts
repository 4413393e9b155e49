import assert from "node:assert/strict";
import { mkdtempSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, suite, test } from "vitest";
import { silentLogger, systemClock } from "../base/index.ts";
import { type Console, startConsole } from "./start-console.ts";
import { type MadeUpSource, madeUpSource } from "./test-support/made-up-source.ts";

suite("the console's server", () => {
  const token = "t0ken";
  let source: MadeUpSource;
  let pages: Console;
  let base: string;

  beforeAll(async () => {
    const folder = mkdtempSync(path.join(tmpdir(), "isthmus-console-"));
    writeFileSync(path.join(folder, "index.html.gz"), gzipSync("<!doctype html><title>console</title>"));
    writeFileSync(path.join(folder, "app-ABCD1234.js.gz"), gzipSync("export {};"));
    source = madeUpSource();
    pages = await startConsole({ source, token, port: 0, folder, clock: systemClock, log: silentLogger });
    base = `http://127.0.0.1:${pages.port}`;
  });
  afterAll(() => pages?.stop());

  const get = (target: string, headers: Readonly<Record<string, string>> = {}) =>
    fetch(`${base}${target}`, { headers: { authorization: `Bearer ${token}`, ...headers } });

  test("pages come with a policy that allows no foreign script, frame or inline code", async () => {
    const answer = await fetch(`${base}/traffic?level=app`);
    assert.equal(answer.status, 200);
    assert.match(await answer.text(), /<title>console/);
    const policy = answer.headers.get("content-security-policy") ?? "";
    assert.match(policy, /default-src 'none'/);
    assert.match(policy, /frame-ancestors 'none'/);
    assert.doesNotMatch(policy, /unsafe/);
    assert.equal(answer.headers.get("referrer-policy"), "no-referrer");
    assert.equal(answer.headers.get("set-cookie"), null);
  });

  test("files named by their content are kept by browsers, and a missing one is no page", async () => {
    const file = await fetch(`${base}/app-ABCD1234.js`);
    assert.match(file.headers.get("cache-control") ?? "", /immutable/);
    assert.equal(file.headers.get("content-encoding"), "gzip");
    assert.equal((await fetch(`${base}/app-00000000.js`)).status, 404);
    assert.equal((await fetch(`${base}/../../etc/passwd.txt`)).status, 404);
  });

  test("the address that is printed opens the pages and leaves a cookie", async () => {
    const answer = await fetch(pages.url);
    assert.equal(answer.status, 200);
    const cookie = (answer.headers.get("set-cookie") ?? "").split(";")[0] ?? "";
    const mesh = await fetch(`${base}/api/mesh`, { headers: { cookie } });
    assert.equal(((await mesh.json()) as { name: string }).name, "made-up");
  });

  test("the API is nothing without its token, and says how to get it", async () => {
    const answer = await fetch(`${base}/api/mesh`);
    assert.equal(answer.status, 401);
    const body = (await answer.json()) as { code: string; nextStep: string };
    assert.equal(body.code, "console/unauthorized");
    assert.match(body.nextStep, /isthmus console/);
  });

  test("a page of another origin can't make the engine do anything", async () => {
    const cookie = `isthmus-console-${pages.port}=${token}`;
    const answer = await fetch(`${base}/api/verify`, {
      method: "POST",
      headers: { cookie, origin: "http://evil.example", "content-type": "application/json" },
      body: "{}",
    });
    assert.equal(answer.status, 403);
    assert.deepEqual(source.asked, []);
  });

  test("a form can't either, having no JSON to send", async () => {
    const answer = await fetch(`${base}/api/verify`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "text/plain" },
      body: "{}",
    });
    assert.equal(answer.status, 400);
    assert.deepEqual(source.asked, []);
  });

  test("what does not exist is 404 with a code", async () => {
    const answer = await get("/api/nothing");
    assert.equal(answer.status, 404);
    assert.equal(((await answer.json()) as { code: string }).code, "console/no-such-page");
  });

  test("one stream carries every resource that a page watches, and failures as such", async () => {
    const abort = new AbortController();
    const watched = ["/api/mesh", "/api/nothing"].map((one) => `watch=${encodeURIComponent(one)}`);
    const answer = await fetch(`${base}/api/events?${watched.join("&")}`, {
      headers: { authorization: `Bearer ${token}` },
      signal: abort.signal,
    });
    assert.equal(answer.headers.get("content-type"), "text/event-stream");
    let text = "";
    const decoder = new TextDecoder();
    for await (const chunk of answer.body ?? []) {
      text += decoder.decode(chunk as Uint8Array, { stream: true });
      if (text.includes('"made-up"') && text.includes("console/no-such-page")) break;
    }
    abort.abort();
    assert.match(text, /event: update\ndata: \{"target":"\/api\/mesh","body":\{"name":"made-up"/);
    assert.match(text, /\{"target":"\/api\/nothing","error":\{"code":"console\/no-such-page"/);
  });

  test("AKS-22 a port that is taken is said, and the next free one used", async () => {
    const holder = createServer();
    await new Promise<void>((resolve) => holder.listen(0, "127.0.0.1", resolve));
    const address = holder.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const other = await startConsole({ source, token, port, clock: systemClock, log: silentLogger });
    assert.notEqual(other.port, port);
    assert.equal(other.isWantedPort, false);
    await other.stop();
    await new Promise((resolve) => holder.close(resolve));
  });
});
