import assert from "node:assert/strict";
import { suite, test } from "vitest";
import { IsthmusError } from "../base/index.ts";
import { availableMemory, checkMemory } from "./check-memory.ts";

const megabyte = 1024 ** 2;

suite("checkMemory()", () => {
  test("GLOO-50 too little memory is said with what is wanted and what there is", () => {
    assert.throws(
      () => checkMemory(3, 40 * megabyte),
      (reason) => {
        assert.ok(reason instanceof IsthmusError && reason.code === "engine/too-little-memory");
        assert.match(reason.message, /^3 clusters need 90 MB at least .*; this machine has 40 MB left$/);
        return true;
      },
    );
    assert.doesNotThrow(() => checkMemory(3, 90 * megabyte));
  });

  test("what is available is a number of bytes that this machine can have", () => {
    assert.ok(availableMemory() > 0);
  });
});
