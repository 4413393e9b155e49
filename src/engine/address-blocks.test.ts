import assert from "node:assert/strict";
import { afterEach, suite, test } from "vitest";
import { addressesOf, type ClaimedBlock, claimBlocks, firstBlock, lastBlock } from "./address-blocks.ts";

const held: ClaimedBlock[] = [];
const claim = async (names: readonly string[], remembered: Record<string, number> = {}) => {
  const blocks = await claimBlocks(names, new Map(Object.entries(remembered)));
  held.push(...blocks.values());
  return blocks;
};
afterEach(async () => {
  await Promise.all(held.splice(0).map((one) => one.release()));
});

suite("claimBlocks()", () => {
  test("clusters get different blocks of the range, also when two meshes claim at once", async () => {
    const [one, two] = await Promise.all([claim(["a", "b"]), claim(["a", "b"])]);
    const blocks = [...one.values(), ...two.values()].map(({ block }) => block);
    assert.equal(new Set(blocks).size, 4);
    for (const block of blocks) assert.ok(block >= firstBlock && block <= lastBlock);
  });

  test("a remembered block is taken again when it is free", async () => {
    const first = await claim(["a"]);
    const block = first.get("a")?.block ?? 0;
    await first.get("a")?.release();
    const again = (await claim(["a"], { a: block })).get("a");
    assert.deepEqual([again?.block, again?.moved], [block, false]);
  });

  test("GLOO-50 a remembered block that somebody else has is left to them, and said so", async () => {
    const block = (await claim(["a"])).get("a")?.block ?? 0;
    const moved = (await claim(["b"], { b: block })).get("b");
    assert.notEqual(moved?.block, block);
    assert.equal(moved?.moved, true);
  });
});

suite("addressesOf()", () => {
  test("every address lies in the block, and no two kinds overlap", () => {
    const { api, services, node, loadBalancers } = addressesOf(42);
    const all = [api, services.first, services.last, node(0), node(1), ...loadBalancers];
    for (const address of all) assert.match(address, /^127\.42\.\d+\.\d+$/);
    assert.equal(new Set(all).size, all.length);
  });
});
