import assert from "node:assert/strict";
import { suite, test } from "vitest";
import { type Asked, answerOf } from "./answers.ts";

const ask = async (target: string, more: Partial<Asked> = {}) => {
  const { status, headers, body } = await answerOf({
    method: "GET",
    target,
    fields: new Map([
      ["Host", ["httpbin:8000"]],
      ["X-Forwarded-For", ["198.51.100.7, 10.0.0.1"]],
    ]),
    peer: "10.0.0.2",
    body: "",
    hostname: "httpbin-1",
    asLists: true,
    ...more,
  });
  const parts: string[] = [];
  for await (const part of typeof body === "string" ? [body] : body) parts.push(part);
  return { status, headers: headers ?? {}, body: parts.join("") };
};
const fields = (name: string, ...values: string[]) => ({ fields: new Map([[name, values]]) });

suite("httpbin's answers", () => {
  test("say what came, values in lists", async () => {
    const { status, body } = await ask("/get?a=1&a=2");
    assert.equal(status, 200);
    assert.deepEqual(JSON.parse(body), {
      args: { a: ["1", "2"] },
      headers: { Host: ["httpbin:8000"], "X-Forwarded-For": ["198.51.100.7, 10.0.0.1"] },
      method: "GET",
      origin: "198.51.100.7",
      url: "http://httpbin:8000/get?a=1&a=2",
    });
  });

  test("say what came, values as texts, as the older program has them", async () => {
    const { body } = await ask("/get?a=1", { asLists: false });
    const { args, headers, method } = JSON.parse(body);
    assert.deepEqual([args, headers.Host, method], [{ a: "1" }, "httpbin:8000", undefined]);
  });

  for (const [type, body, wanted] of [
    ["application/json", '{"a": 1}', { data: '{"a": 1}', json: { a: 1 }, form: {} }],
    ["application/json", "no json", { data: "no json", json: null, form: {} }],
    ["application/x-www-form-urlencoded", "a=1&a=2", { data: "", json: null, form: { a: ["1", "2"] } }],
  ] as const)
    test(`a body of type ${type} comes back: ${body}`, async () => {
      const answer = JSON.parse(
        (await ask("/post", { method: "POST", body, ...fields("Content-Type", type) })).body,
      );
      assert.deepEqual({ data: answer.data, json: answer.json, form: answer.form }, wanted);
    });

  for (const [target, more, status] of [
    ["/status/503", {}, 503],
    ["/status/200:1,500:0", {}, 200],
    ["/status/1000", {}, 400],
    ["/status/x", {}, 400],
    ["/post", {}, 405],
    ["/get", { method: "DELETE" }, 405],
    ["/anything/at/all", { method: "DELETE" }, 200],
    ["/nothing", {}, 404],
    ["/constructor", {}, 404],
    ["/unstable?failure_rate=1", {}, 500],
    ["/unstable?failure_rate=0", {}, 200],
    ["/basic-auth/me/secret", {}, 401],
    ["/basic-auth/me/secret", fields("Authorization", "Basic bWU6c2VjcmV0"), 200],
    ["/bearer", {}, 401],
    ["/bearer", fields("Authorization", "Bearer abc"), 200],
    ["/cache", {}, 200],
    ["/cache", fields("If-None-Match", "x"), 304],
    ["/response-headers?a=b%0d%0ac:d", {}, 400],
    ["/redirect-to?url=http://a%0d%0ab", {}, 400],
    ["/bytes/-1", {}, 400],
    ["/delay/x", {}, 400],
    ["/%E0%A4%A", {}, 404],
  ] as const)
    test(`${(more as Partial<Asked>).method ?? "GET"} ${target} is ${status}`, async () => {
      assert.equal((await ask(target, more)).status, status);
    });

  test("redirects come to an end", async () => {
    let at = "/redirect/3";
    const seen: string[] = [];
    while (at !== "/get") {
      const { status, headers } = await ask(at);
      assert.equal(status, 302);
      at = String(headers["location"]);
      seen.push(at);
    }
    assert.deepEqual(seen, ["/relative-redirect/2", "/relative-redirect/1", "/get"]);
  });

  test("streams are lines, bytes are as many as wanted, headers are those wanted", async () => {
    const lines = (await ask("/stream/3")).body.trim().split("\n");
    assert.deepEqual(
      lines.map((line) => JSON.parse(line).id),
      [0, 1, 2],
    );
    assert.equal((await ask("/bytes/77")).body.length, 77);
    assert.deepEqual((await ask("/response-headers?x=1&x=2")).headers["x"], ["1", "2"]);
  });

  test("cookies are told, set and deleted", async () => {
    assert.deepEqual(JSON.parse((await ask("/cookies", fields("Cookie", "a=1; b=2"))).body), {
      a: "1",
      b: "2",
    });
    assert.deepEqual((await ask("/cookies/set?a=1")).headers["set-cookie"], ["a=1; Path=/"]);
    assert.match(String((await ask("/cookies/delete?a")).headers["set-cookie"]), /^a=; .*Max-Age=0/);
  });
});
