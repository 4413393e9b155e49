import assert from "node:assert/strict";
import { suite, test } from "vitest";
import { createChunkedReader } from "./chunked.ts";

function read(text: string, step: number): { body: string; rest: number } | "bad" | "more" {
  const reader = createChunkedReader();
  const bytes = Buffer.from(text, "latin1");
  let body = "";
  for (let at = 0; at < bytes.length; at += step) {
    const part = bytes.subarray(at, at + step);
    const stopped = reader.read(part, 0, (chunk) => {
      body += chunk.toString("latin1");
    });
    if (stopped < 0) return "bad";
    if (reader.ended) return { body, rest: bytes.length - (at + stopped) };
  }
  return "more";
}

suite("createChunkedReader()", () => {
  const good = [
    { text: "0\r\n\r\n", body: "" },
    { text: "5\r\nhello\r\n0\r\n\r\n", body: "hello" },
    { text: "5;name=value\r\nhello\r\nA\r\n0123456789\r\n0\r\n\r\n", body: "hello0123456789" },
    { text: "1\r\nx\r\n0\r\nTrailer: 1\r\nOther: 2\r\n\r\n", body: "x" },
    { text: "1\r\nx\r\n0\r\n\r\nGET / HTTP/1.1", body: "x", rest: 14 },
  ];
  for (const { text, body, rest = 0 } of good) {
    for (const step of [1, 2, 3, 1000]) {
      test(`reads ${JSON.stringify(text)} in pieces of ${step}`, () => {
        const result = read(text, step);
        assert.ok(typeof result === "object");
        assert.equal(result.body, body);
        assert.equal(result.rest, rest);
      });
    }
  }
  const bad = [
    "x\r\n",
    "\r\n",
    " 5\r\nhello\r\n",
    "5\nhello\r\n0\r\n\r\n",
    "5\r\nhelloX\r\n",
    "5\r\nhello\n0\r\n\r\n",
    "0x5\r\nhello\r\n",
    "-5\r\nhello\r\n",
    "5;a\n\r\nhello\r\n",
    "0\r\nTrailer: 1\n\r\n",
    `${"f".repeat(13)}\r\n`,
    `5;${"x".repeat(5000)}\r\n`,
    `0\r\nx: ${"y".repeat(17000)}\r\n\r\n`,
  ];
  for (const text of bad) {
    test(`refuses ${JSON.stringify(text.slice(0, 40))}`, () => assert.equal(read(text, 7), "bad"));
  }
});
