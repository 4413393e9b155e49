import assert from "node:assert/strict";
import { suite, test } from "vitest";
import type { HttpMatch } from "./config-types.ts";
import { delegatedRoutes } from "./delegates.ts";
import { makeSnapshot } from "./snapshot.ts";
import { assertShows, shownHost } from "./test-support/as-json.ts";
import { objectsOf, parseObjects, proxyOf, putObject, service } from "./test-support/make-world.ts";
import { createWorld, updateWorld } from "./world.ts";

const none = { headers: {}, withoutHeaders: {}, queryParams: {}, sourceLabels: {} };

suite("conditions of root and delegate", () => {
  const cases: readonly {
    readonly root: HttpMatch;
    readonly delegate: HttpMatch;
    /** Undefined: they can't hold together. */
    readonly merged: HttpMatch | undefined;
  }[] = [
    {
      root: { uri: { prefix: "/a" } },
      delegate: { uri: { prefix: "/a/b" } },
      merged: { uri: { prefix: "/a/b" } },
    },
    {
      root: { uri: { prefix: "/a" } },
      delegate: { uri: { exact: "/a/b" } },
      merged: { uri: { exact: "/a/b" } },
    },
    { root: { uri: { prefix: "/a" } }, delegate: { uri: { prefix: "/b" } }, merged: undefined },
    { root: { uri: { prefix: "/a" } }, delegate: { uri: { regex: "/a.*" } }, merged: undefined },
    { root: { uri: { exact: "/a" } }, delegate: { uri: { exact: "/a" } }, merged: { uri: { exact: "/a" } } },
    { root: { uri: { exact: "/a" } }, delegate: { uri: { prefix: "/a" } }, merged: undefined },
    { root: { uri: { regex: "/a" } }, delegate: { uri: { regex: "/a" } }, merged: undefined },
    { root: { uri: { regex: "/a" } }, delegate: { port: 80 }, merged: { uri: { regex: "/a" }, port: 80 } },
    {
      root: { headers: { x: { exact: "1" } } },
      delegate: { headers: { z: { exact: "2" } } },
      merged: { headers: { x: { exact: "1" }, z: { exact: "2" } } },
    },
    {
      root: { headers: { x: { exact: "1" } } },
      delegate: { headers: { x: { exact: "2" } } },
      merged: undefined,
    },
    {
      root: { withoutHeaders: { x: { exact: "1" } } },
      delegate: { withoutHeaders: { x: { exact: "2" } } },
      merged: undefined,
    },
    { root: { method: { exact: "GET" } }, delegate: { method: { exact: "PUT" } }, merged: undefined },
    { root: { port: 80 }, delegate: { port: 8080 }, merged: undefined },
    { root: { sourceNamespace: "a" }, delegate: {}, merged: undefined },
    { root: {}, delegate: { sourceNamespace: "a" }, merged: { sourceNamespace: "a" } },
    { root: { sourceLabels: { app: "a" } }, delegate: { sourceLabels: { app: "b" } }, merged: undefined },
    { root: { ignoreUriCase: true }, delegate: {}, merged: undefined },
    { root: { gateways: ["mesh", "a/b"] }, delegate: { gateways: ["a/b"] }, merged: { gateways: ["a/b"] } },
    { root: { gateways: ["mesh"] }, delegate: { gateways: ["a/b"] }, merged: undefined },
    { root: { name: "r" }, delegate: { name: "d" }, merged: { name: "r-d" } },
  ];
  for (const { root, delegate, merged } of cases) {
    test(`${JSON.stringify(root)} and ${JSON.stringify(delegate)}: ${JSON.stringify(merged) ?? "never"}`, () => {
      const routes = delegatedRoutes({ match: [root] }, [{ match: [delegate] }]);
      assert.deepEqual(routes, merged === undefined ? [] : [{ match: [{ ...none, ...merged }] }]);
    });
  }

  test("one condition of a delegate that goes with none of the root's takes its route out", () => {
    const root = { match: [{ uri: { prefix: "/a" } }, { uri: { prefix: "/b" } }] };
    assert.deepEqual(
      delegatedRoutes(root, [{ match: [{ uri: { prefix: "/b/1" } }, { uri: { prefix: "/c" } }] }]),
      [],
    );
    assert.equal(delegatedRoutes(root, [{ match: [{ port: 80 }] }])[0]?.match?.length, 2);
  });
});

test("a delegate's route takes from its root what it doesn't say itself, and never half of it", () => {
  const routes = delegatedRoutes(
    {
      name: "root",
      delegate: { name: "d" },
      timeout: "1s",
      retries: { attempts: 1 },
      headers: { request: { set: { a: "root" } }, response: { remove: ["x"] } },
      redirect: { uri: "/elsewhere" },
    },
    [{ name: "own", timeout: "2s", headers: { request: { set: { b: "own" } } } }, {}],
  );
  assert.deepEqual(routes, [
    {
      name: "root-own",
      timeout: "2s",
      retries: { attempts: 1 },
      headers: { request: { set: { b: "own" } } },
    },
    {
      name: "root",
      timeout: "1s",
      retries: { attempts: 1 },
      headers: { request: { set: { a: "root" } }, response: { remove: ["x"] } },
    },
  ]);
});

suite("delegates in a world", () => {
  const root = `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web, namespace: sample}
spec: {hosts: [web], http: [{match: [{uri: {prefix: /shop}}], delegate: {name: shop, namespace: shops}}, {route: [{destination: {host: web}}]}]}
---
`;
  const delegate = (exportTo: string) => `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: shop, namespace: shops}
spec: {exportTo: [${exportTo}], http: [{route: [{destination: {host: shop}}]}]}
---
`;
  const clusters = (yaml: string, update = "") => {
    const problems: string[] = [];
    const report = (problem: string) => problems.push(problem);
    const objects = objectsOf(service("web") + yaml);
    let world = createWorld(objects, report);
    for (const object of parseObjects(update)) world = updateWorld(world, putObject(objects, object), report);
    const host = shownHost(makeSnapshot(world, proxyOf(), report), "80", "web.sample.svc.cluster.local");
    return { host, problem: problems.at(-1) };
  };
  const toShop = { route: { cluster: "outbound|80||shop.shops.svc.cluster.local" } };
  const toWeb = { route: { cluster: "outbound|80||web.sample.svc.cluster.local" } };

  test("names in a delegate are those of its own namespace", () => {
    assertShows(clusters(root + delegate('"*"')).host, { routes: [toShop, toWeb] });
  });

  test("one that comes later is put in place", () => {
    assertShows(clusters(root, delegate('"*"')).host, { routes: [toShop, toWeb] });
  });

  test("one that is missing, or not exported to the root's namespace, is left out and reported", () => {
    assertShows(clusters(root), {
      host: { routes: [toWeb] },
      problem: "virtual service sample/web: its delegate shops/shop is not there",
    });
    assertShows(clusters(root + delegate('"."')), {
      host: { routes: [toWeb] },
      problem: "virtual service sample/web: its delegate shops/shop is not exported to sample",
    });
  });
});
