import assert from "node:assert/strict";
import { suite, test } from "vitest";
import {
  clusterName,
  hostsOverlap,
  isSubsetOf,
  parseClusterName,
  resolveShortName,
  sniName,
} from "./names.ts";

suite("names", () => {
  test("a cluster's name can be read back in both forms", () => {
    const parts = { direction: "outbound", port: 80, subset: "v1", host: "web.sample.svc" } as const;
    assert.deepEqual(parseClusterName(clusterName("outbound", "v1", "web.sample.svc", 80)), {
      ...parts,
      isSni: false,
    });
    assert.deepEqual(parseClusterName(sniName("v1", "web.sample.svc", 80)), { ...parts, isSni: true });
    assert.equal(parseClusterName("PassthroughCluster"), undefined);
  });

  test.each([
    ["a.com", "a.com", true],
    ["*.com", "a.com", true],
    ["*.a.com", "*.com", true],
    ["*.a.com", "*.b.com", false],
    ["*", "a.com", true],
    ["a.com", "b.com", false],
  ])("%s and %s overlap: %s", (a, b, expected) => {
    assert.equal(hostsOverlap(a, b), expected);
    assert.equal(hostsOverlap(b, a), expected);
  });

  test.each([
    ["a.com", "*.com", true],
    ["*.com", "a.com", false],
    ["*.a.com", "*.com", true],
    ["*.com", "*.a.com", false],
    ["*.com", "*", true],
  ])("%s is a part of %s: %s", (inner, outer, expected) => {
    assert.equal(isSubsetOf(inner, outer), expected);
  });

  test("a name without dots is a Service of the rule's namespace", () => {
    assert.equal(resolveShortName("web", "sample", "cluster.local"), "web.sample.svc.cluster.local");
    assert.equal(resolveShortName("web.other", "sample", "cluster.local"), "web.other");
  });
});
