import assert from "node:assert/strict";
import { suite, test } from "vitest";
import type { TrafficEdge, TrafficNode } from "../../../../src/console/api.ts";
import { modelOf, sumEdges } from "./graph-model.ts";
import { arrange, routeBundles } from "./place-clusters.ts";

function app(cluster: string, name: string, version: string): TrafficNode {
  return {
    id: `${cluster}/${name}/${version}`,
    kind: "app",
    cluster,
    namespace: "shop",
    name,
    app: name,
    version,
  };
}

function edge(from: string, to: string, rate: number, failed = 0): TrafficEdge {
  return {
    from,
    to,
    protocol: "http",
    requestsPerSecond: rate,
    failedPerSecond: failed,
    share: 1,
    bytesPerSecond: { sent: 1, received: 2 },
    mutualTls: 1,
    codes: {},
    flags: {},
    crossesNetwork: false,
  };
}

const nodes = [
  app("ash", "reviews", "v2"),
  app("fra", "reviews", "v1"),
  app("fra", "reviews", "v2"),
  app("fra", "web", "v1"),
];
const edges = [
  edge("fra/web/v1", "fra/reviews/v1", 4),
  edge("fra/web/v1", "fra/reviews/v2", 4, 2),
  edge("fra/web/v1", "ash/reviews/v2", 2),
];
const model = modelOf({ nodes, edges, level: "versionedApp" }, {}, ["fra", "ash"]);

suite("modelOf()", () => {
  test("clusters come in the order of the mesh file, versions of an app in one box", () => {
    assert.deepEqual(
      model.clusters.map(({ name }) => name),
      ["fra", "ash"],
    );
    assert.deepEqual(
      model.clusters[0]?.namespaces[0]?.apps.map(({ name, nodes: inside }) => [name, inside.length]),
      [
        ["reviews", 2],
        ["web", 1],
      ],
    );
  });

  test("edges between clusters are one bundle per pair, and leave and arrive at their clusters", () => {
    assert.deepEqual(
      model.bundles.map(({ id, edges: inside }) => [id, inside.length]),
      [["fra ash", 1]],
    );
    assert.equal(model.clusters[0]?.leaving.length, 1);
    assert.equal(model.clusters[0]?.edges.length, 2);
    assert.equal(model.clusters[1]?.arriving.length, 1);
  });

  test("a node is as healthy as the answers that it gives", () => {
    const health = (id: string) => model.byId.get(id)?.health;
    assert.equal(health("fra/reviews/v1"), "ok");
    assert.equal(health("fra/reviews/v2"), "fail");
    assert.equal(health("fra/web/v1"), "fail");
  });

  test("sums keep rates exact and weigh mutual TLS by them", () => {
    const sum = sumEdges([edge("a", "b", 3), { ...edge("a", "c", 1), mutualTls: 0 }]);
    assert.equal(sum.requestsPerSecond, 4);
    assert.equal(sum.mutualTls, 0.75);
    assert.equal(sum.bytesPerSecond, 6);
  });

  test("sums leave out of mutual TLS what nobody knows of", () => {
    const { mutualTls: _, ...lost } = edge("a", "d", 10);
    assert.equal(sumEdges([edge("a", "b", 3), lost]).mutualTls, 1);
    assert.equal(sumEdges([lost]).mutualTls, undefined);
  });

  test("a request that a service stands between is counted once for the whole graph", () => {
    const nodes = [
      { id: "web", kind: "app", cluster: "fra", namespace: "shop", name: "web" },
      { id: "service", kind: "service", cluster: "fra", namespace: "shop", name: "api" },
      { id: "api", kind: "app", cluster: "fra", namespace: "shop", name: "api" },
    ] as const;
    const edges = [edge("web", "service", 3), edge("service", "api", 2)];
    const counted = (level: "app" | "service") => sumEdges(modelOf({ level, nodes, edges }, {}, []).calls);
    assert.equal(counted("app").requestsPerSecond, 3);
    // Services as nodes call by themselves.
    assert.equal(counted("service").requestsPerSecond, 5);
  });
});

suite("placing clusters", () => {
  const box = (name: string) => ({ name, width: 600, height: 200, entry: 50, exit: 120 });

  test("two wide boxes stand above each other in a square place, beside each other in a wide one", () => {
    const boxes = [box("a"), box("b")];
    const xs = (aspect: number) => new Set(arrange(boxes, aspect).places.map(({ x }) => x)).size;
    assert.equal(xs(1), 1);
    assert.equal(xs(4), 2);
  });

  test("no box covers another, however many there are", () => {
    const boxes = Array.from({ length: 20 }, (_, i) => ({
      ...box(`c${i}`),
      width: 300 + 20 * (i % 5),
      height: 120 + 30 * (i % 3),
    }));
    const { places } = arrange(boxes, 1.3);
    for (const [i, a] of boxes.entries())
      for (const [j, b] of boxes.entries()) {
        if (i >= j) continue;
        const [p, q] = [places[i] ?? assert.fail(), places[j] ?? assert.fail()];
        const isApart =
          p.x + a.width <= q.x || q.x + b.width <= p.x || p.y + a.height <= q.y || q.y + b.height <= p.y;
        assert.ok(isApart, `${a.name} and ${b.name}`);
      }
  });

  test("ways there and back run beside each other, through the gap between the boxes", () => {
    const { places } = arrange([box("a"), box("b")], 1);
    const placed = [box("a"), box("b")].map((one, i) => ({ ...one, ...(places[i] ?? { x: 0, y: 0 }) }));
    const bundles = [
      { id: "a b", from: "a", to: "b", edges: [] },
      { id: "b a", from: "b", to: "a", edges: [] },
    ];
    const [there, back] = routeBundles(bundles, placed);
    const corridor = (way: typeof there) => way?.points[2]?.y ?? 0;
    const [a, b] = placed;
    for (const way of [there, back])
      assert.ok(corridor(way) > (a?.y ?? 0) + 200 && corridor(way) < (b?.y ?? 0), String(corridor(way)));
    assert.notEqual(corridor(there), corridor(back));
    assert.equal(there?.points.at(-1)?.y, (b?.y ?? 0) + 50);
  });
});
