import assert from "node:assert/strict";
import { afterEach, suite, test } from "vitest";
import { fetchKeySets } from "./fetch-key-sets.ts";
import { startLookingUp, stopLookingUp } from "./test-support/looking-up.ts";

afterEach(stopLookingUp);

const authentication = (rules: string) => `
apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: {name: web, namespace: sample}
spec: {jwtRules: ${rules}}
---`;
const keys = (kid: string) => JSON.stringify({ keys: [{ kty: "EC", kid }] });

/** A control plane that reads the keys of `rules`; `pages` are what addresses answer. */
async function start(rules: string, pages: Record<string, string>) {
  const looking = startLookingUp(authentication(rules));
  const asked: string[] = [];
  fetchKeySets(looking.sink, {
    ...looking.options,
    refresh: 1_200_000,
    async fetchText(url, timeout) {
      asked.push(`${url} ${timeout}`);
      const page = pages[url];
      if (page === undefined) throw new Error("nobody there");
      return page;
    },
  });
  await looking.settle();
  return { ...looking, pages, asked, found: () => [...looking.options.world().rules.keySets.values()] };
}

suite("fetchKeySets()", () => {
  test("keys are fetched from where a rule says, and again later", async () => {
    const mesh = await start('[{issuer: a, jwksUri: "https://a/keys", timeout: 2s}]', {
      "https://a/keys": keys("one"),
    });
    assert.deepEqual(mesh.found(), [keys("one")]);
    mesh.pages["https://a/keys"] = keys("two");
    assert.deepEqual(await mesh.wait(), [1_200_000]);
    assert.deepEqual(mesh.found(), [keys("two")]);
    assert.deepEqual(mesh.asked, ["https://a/keys 2000", "https://a/keys 2000"]);
  });

  test("an issuer without an address is asked where its keys are", async () => {
    const mesh = await start("[{issuer: https://id.example.com/}]", {
      "https://id.example.com/.well-known/openid-configuration": '{"jwks_uri": "https://keys.example.com/"}',
      "https://keys.example.com/": keys("one"),
    });
    assert.deepEqual(mesh.found(), [keys("one")]);
  });

  test("rules with keys of their own ask nobody", async () => {
    const mesh = await start(`[{issuer: https://id.example.com, jwks: '${keys("own")}'}]`, {});
    assert.deepEqual(mesh.asked, []);
  });

  for (const [name, page] of [
    ["no JSON", "<html>"],
    ["no key set", '{"keys": "none"}'],
    ["an empty key set, which proxies refuse", '{"keys": []}'],
  ] as const) {
    test(`${name} takes nothing from the keys that are known, and is asked for again soon`, async () => {
      const mesh = await start('[{jwksUri: "https://a/keys"}]', { "https://a/keys": keys("one") });
      mesh.pages["https://a/keys"] = page;
      await mesh.wait();
      assert.deepEqual(mesh.found(), [keys("one")]);
      assert.deepEqual(await mesh.wait(), [1000]);
    });
  }

  test("what is nowhere to be had is asked for ever less often, up to a minute", async () => {
    const mesh = await start('[{jwksUri: "https://a/keys"}]', {});
    const delays: number[] = [];
    for (let i = 0; i < 8; i++) delays.push(...(await mesh.wait()));
    assert.deepEqual(delays, [1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]);
    assert.deepEqual(mesh.found(), []);
  });

  test("keys that no rule wants any more are dropped", async () => {
    const mesh = await start('[{jwksUri: "https://a/keys"}]', { "https://a/keys": keys("one") });
    mesh.put(authentication("[{issuer: b, jwks: '{}'}]"));
    await mesh.settle();
    await mesh.settle();
    assert.deepEqual(mesh.found(), []);
    assert.deepEqual(await mesh.wait(), []);
  });
});
