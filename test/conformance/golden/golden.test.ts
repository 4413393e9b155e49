import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { suite, test } from "vitest";
import { compareScene, type Intended, parts } from "./compare.ts";
import { readScene } from "./scene.ts";

const root = path.join(import.meta.dirname, "../../golden");
const scenes = path.join(root, "scenes");
const intended: readonly Intended[] = JSON.parse(readFileSync(path.join(root, "differences.json"), "utf8"));

suite("golden scenes", () => {
  for (const name of readdirSync(scenes).sort()) {
    test(`${name}: every proxy gets what Istio's control plane gives it`, () => {
      const scene = readScene(path.join(scenes, name));
      assert.ok(scene.proxies.length > 0);
      assert.deepEqual(compareScene(scene, new Set(parts), intended).slice(0, 10), []);
    });
  }

  test("every intended difference has a reason", () => {
    assert.deepEqual(
      intended.filter(({ reason }) => reason.length < 20),
      [],
    );
  });
});
