import assert from "node:assert/strict";
import { test } from "vitest";
import { listenerKind } from "./protocol.ts";

test("an unnamed protocol is detected, and TLS is not ended", () => {
  assert.equal(listenerKind(""), "auto");
  assert.equal(listenerKind("https"), "tcp");
  assert.equal(listenerKind("grpc"), "http");
});
