import assert from "node:assert/strict";
import { suite, test } from "vitest";
import { defaultHeadLimits, isHeadError, parseRequestHead, parseResponseHead } from "./parse-head.ts";

suite("parseRequestHead()", () => {
  const refused: { head: string; status: number; because: string }[] = [
    {
      head: "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked",
      status: 400,
      because: "two ways to find the end of the body",
    },
    {
      head: "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2",
      status: 400,
      because: "two lengths",
    },
    {
      head: "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1",
      status: 400,
      because: "a repeated length",
    },
    { head: "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1", status: 400, because: "a list of lengths" },
    { head: "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: +1", status: 400, because: "a signed length" },
    {
      head: "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x1",
      status: 400,
      because: "a hexadecimal length",
    },
    { head: "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: ", status: 400, because: "an empty length" },
    {
      head: "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
      status: 501,
      because: "chunked twice",
    },
    {
      head: "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked",
      status: 501,
      because: "a coding that it can't undo",
    },
    {
      head: "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked",
      status: 501,
      because: "a coding that only looks like chunked",
    },
    { head: "GET / HTTP/1.0\r\nTransfer-Encoding: chunked", status: 400, because: "chunked in HTTP/1.0" },
    { head: "GET / HTTP/1.1\r\nHost: a\r\nX-A : b", status: 400, because: "a blank before the colon" },
    { head: "GET / HTTP/1.1\r\nHost: a\r\n: b", status: 400, because: "an empty name" },
    { head: "GET / HTTP/1.1\r\nHost: a\r\nX-A", status: 400, because: "a line without a colon" },
    { head: "GET / HTTP/1.1\r\nHost: a\r\nX-A: b\nX-B: c", status: 400, because: "a bare line feed" },
    { head: "GET / HTTP/1.1\r\nHost: a\r\nX-A: b\rX-B: c", status: 400, because: "a bare carriage return" },
    { head: "GET / HTTP/1.1\r\nHost: a\r\nX-A: b\0c", status: 400, because: "a NUL" },
    { head: "GET / HTTP/1.1\r\nHost: a\r\nHost: b", status: 400, because: "two hosts" },
    { head: "GET  / HTTP/1.1\r\nHost: a", status: 400, because: "two blanks in the request line" },
    { head: "GET /a b HTTP/1.1\r\nHost: a", status: 400, because: "a blank in the target" },
    { head: "GET / HTTP/x.0\r\nHost: a", status: 400, because: "a malformed version" },
    { head: "G(T / HTTP/1.1\r\nHost: a", status: 400, because: "a method that is no token" },
    {
      head: `GET / HTTP/1.1\r\nHost: a\r\n${"X-A: b\r\n".repeat(100)}X-A: b`,
      status: 431,
      because: "too many fields",
    },
    {
      head: `GET / HTTP/1.1\r\nHost: a\r\nX-A: ${"b".repeat(61 * 1024)}`,
      status: 431,
      because: "too many bytes",
    },
  ];
  for (const { head, status, because } of refused) {
    test(`refuses ${because} with ${status}`, () => {
      const parsed = parseRequestHead(head, defaultHeadLimits);
      assert.ok(isHeadError(parsed), JSON.stringify(parsed));
      assert.equal(parsed.status, status, parsed.details);
    });
  }

  test("joins folded lines", () => {
    const parsed = parseRequestHead("GET / HTTP/1.1\r\nHost: a\r\nX-A: b\r\n folded", defaultHeadLimits);
    assert.ok(!isHeadError(parsed));
    assert.deepEqual(parsed.headers, ["x-a", "b folded"]);
  });

  test("lowers names, trims values and takes hop-by-hop fields out", () => {
    const parsed = parseRequestHead(
      "POST /x?y HTTP/1.1\r\nHost: a:80\r\nX-Thing: \t v \r\nConnection: keep-alive, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: 5\r\nContent-Length: 3",
      defaultHeadLimits,
    );
    assert.ok(!isHeadError(parsed));
    assert.deepEqual(parsed.headers, ["x-thing", "v"]);
    assert.deepEqual(
      [parsed.method, parsed.target, parsed.host, parsed.framing, parsed.contentLength, parsed.keepAlive],
      ["POST", "/x?y", "a:80", "length", 3, true],
    );
  });

  test("can't be told by Connection to drop what upstreams decide by", () => {
    const parsed = parseRequestHead(
      "GET / HTTP/1.1\r\nHost: a\r\nConnection: authorization, x-forwarded-for, x-a\r\nAuthorization: b\r\nX-Forwarded-For: 1.2.3.4\r\nX-A: c",
      defaultHeadLimits,
    );
    assert.ok(!isHeadError(parsed));
    assert.deepEqual(parsed.headers, ["authorization", "b", "x-forwarded-for", "1.2.3.4"]);
  });

  const connections = [
    { head: "GET / HTTP/1.1\r\nHost: a", keepAlive: true },
    { head: "GET / HTTP/1.1\r\nHost: a\r\nConnection: Close", keepAlive: false },
    { head: "GET / HTTP/1.0\r\n", keepAlive: false },
    { head: "GET / HTTP/1.0\r\nConnection: Keep-Alive", keepAlive: true },
  ];
  for (const { head, keepAlive } of connections) {
    test(`${JSON.stringify(head)} ${keepAlive ? "keeps" : "ends"} the connection`, () => {
      const parsed = parseRequestHead(head, defaultHeadLimits);
      assert.ok(!isHeadError(parsed));
      assert.equal(parsed.keepAlive, keepAlive);
    });
  }
});

suite("parseResponseHead()", () => {
  const cases = [
    { head: "HTTP/1.1 200 OK\r\nContent-Length: 3", framing: "length" },
    { head: "HTTP/1.1 200\r\nContent-Length: 0", framing: "none" },
    { head: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked", framing: "chunked" },
    { head: "HTTP/1.0 200 OK\r\nServer: x", framing: "close" },
  ];
  for (const { head, framing } of cases) {
    test(`${JSON.stringify(head)} has a body by ${framing}`, () => {
      const parsed = parseResponseHead(head, defaultHeadLimits);
      assert.ok(!isHeadError(parsed), JSON.stringify(parsed));
      assert.equal(parsed.framing, framing);
    });
  }
  for (const head of [
    "HTTP/1.1 2x0 OK",
    "HTTP/1.1 20",
    "HTTP/2 200 OK",
    "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked",
  ]) {
    test(`${JSON.stringify(head)} is refused`, () =>
      assert.ok(isHeadError(parseResponseHead(head, defaultHeadLimits))));
  }
});
