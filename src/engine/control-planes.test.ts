import assert from "node:assert/strict";
import { suite, test } from "vitest";
import { proxyState } from "./control-planes.ts";

const line = { istiod: "istiod-1" };

suite("how a proxy stands", () => {
  test.each([
    ["SYNCED", { CDS: "SYNCED", LDS: "SYNCED", EDS: "NOT SENT" }],
    ["STALE", { CDS: "SYNCED", LDS: "STALE" }],
    ["NOT SENT", { CDS: "NOT SENT", LDS: "NOT SENT" }],
  ] as const)("is %s by the words of our istiod", (state, states) => {
    assert.equal(proxyState({ ...line, states }), state);
  });

  test.each([
    ["SYNCED", { cluster_sent: "a", cluster_acked: "a", route_sent: "", route_acked: "" }],
    ["STALE", { cluster_sent: "a", cluster_acked: "a", listener_sent: "b", listener_acked: "a" }],
    ["NOT SENT", {}],
  ] as const)("is %s by the nonces of upstream's", (state, nonces) => {
    assert.equal(proxyState({ ...line, ...nonces }), state);
  });
});
