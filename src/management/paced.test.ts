import assert from "node:assert/strict";
import { suite, test } from "vitest";
import { waitFor } from "../base/index.ts";
import { paced } from "./paced.ts";

suite("paced()", () => {
  const over = (until: () => boolean) =>
    waitFor(() => (until() ? true : undefined), { signal: AbortSignal.timeout(30_000) });

  test("tells the first change at once, and those that follow it together", async () => {
    let told = 0;
    const change = paced(
      () => told++,
      () => 20,
      new AbortController().signal,
    );
    change();
    assert.equal(told, 1);
    for (let i = 0; i < 100; i++) change();
    assert.equal(told, 1);
    await over(() => told === 2);
  });

  test("tells nothing after its end", () => {
    const end = new AbortController();
    let told = 0;
    const change = paced(
      () => told++,
      () => 1,
      end.signal,
    );
    end.abort();
    change();
    assert.equal(told, 0);
  });
});
