import assert from "node:assert/strict";
import { suite, test } from "vitest";
import { addressReference } from "../compile/index.ts";
import { fillLateValues } from "./late-values.ts";

suite("fillLateValues()", () => {
  test("replaces references anywhere and leaves everything else as it is", async () => {
    const value = {
      global: {
        remotePilotAddress: "${address:fra/istio-system/gw}",
        n: 1,
        list: ["${address:fra/a/b}", null],
      },
      text: "$ {address}",
    };
    const filled = await fillLateValues(
      value,
      async ({ cluster, namespace, service }) => `${cluster}-${namespace}-${service}`,
    );
    assert.deepEqual(filled, {
      global: { remotePilotAddress: "fra-istio-system-gw", n: 1, list: ["fra-a-b", null] },
      text: "$ {address}",
    });
  });

  test("only a whole reference counts", () => {
    for (const text of ["${address:a/b}", "x${address:a/b/c}", "${address:a/b/c/d}", "${other:a/b/c}"])
      assert.equal(addressReference(text), undefined, text);
  });
});
