import assert from "node:assert/strict";
import { suite, test } from "vitest";
import { combineHashes, xxHash64 } from "./hash.ts";

suite("xxHash64()", () => {
  // Values of the reference implementation (xxhash.com), seed 0 unless told.
  const known = [
    { text: "", hash: 0xef46_db37_51d8_e999n },
    { text: "a", hash: 0xd24e_c4f1_a98c_6e5bn },
    { text: "abc", hash: 0x44bc_2cf5_ad77_0999n },
    { text: "Nobody inspects the spammish repetition", hash: 0xfbce_a83c_8a37_8bf1n },
  ];
  for (const { text, hash } of known) {
    test(`of ${JSON.stringify(text)} is what others compute`, () => {
      assert.equal(xxHash64(text).toString(16), hash.toString(16));
    });
  }

  test("depends on the seed", () => {
    assert.notEqual(xxHash64("abc", 1n), xxHash64("abc"));
  });
});

test("combineHashes() turns the first hash before it mixes the second in", () => {
  assert.equal(combineHashes(undefined, 5n), 5n);
  assert.equal(combineHashes(0x8000_0000_0000_0001n, 0n), 3n);
});
