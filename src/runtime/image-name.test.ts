import assert from "node:assert/strict";
import { suite, test } from "vitest";
import { imageName, matchesImage } from "./image-name.ts";

suite("matchesImage()", () => {
  const image = "example.com:5000/tools/echo:3.1";
  const cases: readonly (readonly [string, boolean])[] = [
    ["echo", true],
    ["echo*", true],
    ["echo:3.1", true],
    ["echo:2*", false],
    ["example.com:5000/tools/echo", true],
    ["example.com:5000/tools/*", true],
    ["*/echo:*", true],
    ["tools/echo", false],
    ["ech", false],
  ];
  for (const [pattern, wanted] of cases) {
    test(`${pattern} ${wanted ? "means" : "does not mean"} ${image}`, () => {
      assert.equal(matchesImage(pattern, image), wanted);
    });
  }

  test("docker.io is the registry of names without one", () => {
    assert.ok(matchesImage("tools/echo", "docker.io/tools/echo:3.1"));
    assert.ok(matchesImage("docker.io/tools/echo", "docker.io/tools/echo:3.1"));
    assert.ok(matchesImage("echo", "docker.io/library/echo"));
    assert.ok(!matchesImage("library/echo", "example.com/library/echo"));
  });

  test("a digest does not count", () => {
    assert.ok(matchesImage("echo", "echo@sha256:0123"));
    assert.equal(imageName("example.com/echo@sha256:0123"), "echo");
  });
});
