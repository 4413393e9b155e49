import assert from "node:assert/strict";
import { suite, test } from "vitest";
import { createManualClock } from "../base/testing/manual-clock.ts";
import { inClusterAccess } from "./in-cluster.ts";
import { createTokenSource } from "./token-source.ts";

suite("createTokenSource()", () => {
  function source() {
    const clock = createManualClock();
    let reads = 0;
    let isAway = false;
    const tokens = createTokenSource({
      async read() {
        if (isAway) throw new Error("no file");
        reads++;
        return `token-${reads}\n`;
      },
      clock,
    });
    return {
      ...{ tokens, clock, reads: () => reads },
      setAway(away: boolean) {
        isAway = away;
      },
    };
  }

  test("reads a token once a minute, and once for requests at the same time", async () => {
    const { tokens, clock, reads } = source();
    assert.deepEqual(await Promise.all([tokens.current(), tokens.current()]), ["token-1", "token-1"]);
    clock.move(59_000);
    assert.equal(await tokens.current(), "token-1");
    clock.move(1000);
    assert.equal(await tokens.current(), "token-2");
    assert.equal(reads(), 2);
  });

  test("reads anew after a refusal of the token in use, not of one that is older", async () => {
    const { tokens, clock } = source();
    const old = await tokens.current();
    tokens.refused(old);
    assert.equal(await tokens.current(), "token-2");
    tokens.refused(old);
    clock.move(1000);
    assert.equal(await tokens.current(), "token-2");
  });

  test("goes on with the last token while none can be read, and fails where there never was one", async () => {
    const { tokens, clock, setAway } = source();
    setAway(true);
    await assert.rejects(tokens.current(), /no file/);
    setAway(false);
    assert.equal(await tokens.current(), "token-1");
    clock.move(60_000);
    setAway(true);
    assert.equal(await tokens.current(), "token-1");
  });
});

suite("inClusterAccess()", () => {
  const files = { token: "abc\n", "ca.crt": "PEM" };
  const access = (env: Readonly<Record<string, string>>, present: Partial<typeof files> = files) =>
    inClusterAccess({ env, readFile: async (name) => present[name], clock: createManualClock() });

  test("takes address and port from the environment, CA and token from the account's folder", async () => {
    const { server, ca, tokens } = await access({
      KUBERNETES_SERVICE_HOST: "10.96.0.1",
      KUBERNETES_SERVICE_PORT: "6443",
    });
    assert.deepEqual([server, ca, await tokens?.current()], ["https://10.96.0.1:6443", "PEM", "abc"]);
  });

  test("writes IPv6 addresses as URLs have them", async () => {
    assert.equal((await access({ KUBERNETES_SERVICE_HOST: "fd00::1" })).server, "https://[fd00::1]:443");
  });

  for (const [env, present, why] of [
    [{}, files, /KUBERNETES_SERVICE_HOST is not set/],
    [{ KUBERNETES_SERVICE_HOST: "10.96.0.1" }, { token: "abc" }, /no ca\.crt/],
    [{ KUBERNETES_SERVICE_HOST: "10.96.0.1" }, { "ca.crt": "PEM" }, /no token/],
  ] as const) {
    test(`says why it is not in a cluster: ${why.source}`, async () => {
      await assert.rejects(access(env, present), why);
    });
  }
});
