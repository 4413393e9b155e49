import assert from "node:assert/strict";
import type { IncomingMessage } from "node:http";
import { suite, test } from "vitest";
import { createGuard } from "./guard.ts";

const token = "s3cret";
const port = 20001;
const guard = createGuard({ token, port });
const own = `127.0.0.1:${port}`;

function request(
  headers: Readonly<Record<string, string>>,
  method = "GET",
  url = "/api/mesh",
): IncomingMessage {
  return { headers: { host: own, ...headers }, method, url } as unknown as IncomingMessage;
}

/** The code of the refusal, or "admitted". */
function outcome(one: IncomingMessage): string {
  try {
    guard.admit(one);
    return "admitted";
  } catch (reason) {
    return (reason as { readonly code: string }).code;
  }
}

suite("the console's guard", () => {
  const cookie = `isthmus-console-${port}=${token}`;
  const cases: readonly [title: string, one: IncomingMessage, wanted: string][] = [
    ["no token", request({}), "console/unauthorized"],
    ["a wrong bearer", request({ authorization: "Bearer s3creT" }), "console/unauthorized"],
    ["a bearer of another length", request({ authorization: "Bearer s" }), "console/unauthorized"],
    ["the bearer", request({ authorization: `Bearer ${token}` }), "admitted"],
    ["the cookie", request({ cookie: `other=1; ${cookie}` }), "admitted"],
    [
      "the cookie of another port's console",
      request({ cookie: `isthmus-console-1=${token}` }),
      "console/unauthorized",
    ],
    [
      "a wrong bearer beside the right cookie",
      request({ authorization: "Bearer x", cookie }),
      "console/unauthorized",
    ],
    [
      "a name that an attacker bound to this address",
      request({ cookie, host: `evil.example:${port}` }),
      "console/refused",
    ],
    [
      "a name that only begins like an address",
      request({ cookie, host: "127.0.0.1.evil.example" }),
      "console/refused",
    ],
    ["localhost", request({ cookie, host: `localhost:${port}` }), "admitted"],
    ["the address of an add-on", request({ cookie, host: "127.16.254.1:30003" }), "admitted"],
    [
      "a write of its own page",
      request({ cookie, origin: `http://${own}`, "sec-fetch-site": "same-origin" }, "POST"),
      "admitted",
    ],
    [
      "a write of a foreign page",
      request({ cookie, origin: "http://evil.example" }, "POST"),
      "console/refused",
    ],
    [
      "a write of another port of this machine",
      request({ cookie, origin: "http://127.0.0.1:9999" }, "POST"),
      "console/refused",
    ],
    ["a write without an origin", request({ cookie }, "POST"), "console/refused"],
    [
      "a write of a program with the bearer",
      request({ authorization: `Bearer ${token}` }, "POST"),
      "admitted",
    ],
  ];
  for (const [title, one, wanted] of cases)
    test(`${title}: ${wanted}`, () => assert.equal(outcome(one), wanted));

  test("whoever opens a page with the token gets a cookie that scripts and other sites can't use", () => {
    assert.equal(
      guard.cookieFor(request({}, "GET", `/mesh?token=${token}`)),
      `${cookie}; HttpOnly; SameSite=Strict; Path=/; Max-Age=7776000`,
    );
    assert.equal(guard.cookieFor(request({}, "GET", "/mesh?token=wrong")), undefined);
    assert.equal(guard.cookieFor(request({}, "GET", "/mesh")), undefined);
  });
});
