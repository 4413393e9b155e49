import assert from "node:assert/strict";
import { suite, test } from "vitest";
import { imageName, matchesPattern } from "./image-name.ts";

suite("imageName()", () => {
  const images = {
    "docker.io/istio/examples-helloworld-v1:1.0": "examples-helloworld-v1",
    "localhost:5000/team/cart@sha256:abc": "cart",
    "registry:5000/cart:2@sha256:abc": "cart",
    curl: "curl",
    "": "",
  };
  for (const [image, name] of Object.entries(images))
    test(`${image} is ${name}`, () => assert.equal(imageName(image), name));
});

suite("matchesPattern()", () => {
  for (const [pattern, text, matches] of [
    ["cart", "cart", true],
    ["cart", "carts", false],
    ["cart*", "cart-v2", true],
    ["*-v?", "cart-v2", false],
    ["a.c", "abc", false],
  ] as const) {
    test(`${pattern} ${matches ? "matches" : "does not match"} ${text}`, () =>
      assert.equal(matchesPattern(pattern, text), matches));
  }
});
