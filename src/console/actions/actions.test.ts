import assert from "node:assert/strict";
import { suite, test } from "vitest";
import { systemClock } from "../../base/index.ts";
import type { KubeObject } from "../../kube/index.ts";
import type { Action, ShiftPage } from "../api.ts";
import { createReader } from "../reader.ts";
import { readPage } from "../router.ts";
import { madeUpSource } from "../test-support/made-up-source.ts";
import { parseAction } from "./parse-action.ts";
import { applyAction, planAction } from "./run-action.ts";

const istio = "networking.istio.io/v1";
const service = {
  apiVersion: "v1",
  kind: "Service",
  metadata: { name: "reviews", namespace: "shop" },
  spec: { selector: { app: "reviews" } },
};
const deployment = (version: string): KubeObject => ({
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name: `reviews-${version}`, namespace: "shop", resourceVersion: "7" },
  spec: {
    replicas: 1,
    template: { metadata: { labels: { app: "reviews", version } }, spec: { containers: [] } },
  },
});
const destinationRule: KubeObject = {
  apiVersion: istio,
  kind: "DestinationRule",
  metadata: { name: "reviews", namespace: "shop", resourceVersion: "3" },
  spec: { host: "reviews", subsets: [{ name: "old", labels: { version: "v1" } }] },
};
const virtualService: KubeObject = {
  apiVersion: istio,
  kind: "VirtualService",
  metadata: {
    name: "reviews-routes",
    namespace: "shop",
    resourceVersion: "5",
    annotations: { "kubectl.kubernetes.io/last-applied-configuration": "{}" },
  },
  spec: {
    hosts: ["reviews"],
    http: [
      {
        match: [{ headers: { "x-user": { exact: "me" } } }],
        route: [{ destination: { host: "reviews", subset: "old" } }],
      },
      {
        timeout: "3s",
        route: [{ destination: { host: "reviews", subset: "old", port: { number: 80 } }, weight: 100 }],
      },
    ],
  },
};

function meshWith(own: Readonly<Record<string, readonly KubeObject[]>>) {
  const source = madeUpSource({
    objects: (cluster) => ({
      services: [service],
      deployments: [deployment(cluster === "east" ? "v1" : "v2")],
      // The control plane is in east.
      ...(cluster === "east" ? own : {}),
    }),
  });
  return { source, reader: createReader(source, systemClock) };
}

async function apply(mesh: ReturnType<typeof meshWith>, action: Action) {
  const { id } = await planAction(mesh.reader, action);
  await applyAction(mesh.reader, { action, seen: id }, AbortSignal.timeout(30_000));
}

const shift: Action = { kind: "shift", namespace: "shop", service: "reviews", weights: { v1: 90, v2: 10 } };

suite("shifting traffic", () => {
  test("without rules it writes both objects, into the cluster with the control plane alone", async () => {
    const mesh = meshWith({});
    await apply(mesh, shift);
    const written = mesh.source.writes.map(
      ({ cluster, method, path }) => `${cluster} ${method} ${path.split("/").at(-1)}`,
    );
    assert.deepEqual(written, ["east POST destinationrules", "east POST virtualservices"]);
    const [rule, routes] = mesh.source.writes.map(({ body }) => (body as { spec: unknown }).spec);
    assert.deepEqual(rule, {
      host: "reviews.shop.svc.cluster.local",
      subsets: [
        { name: "v1", labels: { version: "v1" } },
        { name: "v2", labels: { version: "v2" } },
      ],
    });
    const host = "reviews.shop.svc.cluster.local";
    assert.deepEqual(routes, {
      hosts: [host],
      http: [
        {
          route: [
            { destination: { host, subset: "v1" }, weight: 90 },
            { destination: { host, subset: "v2" }, weight: 10 },
          ],
        },
      ],
    });
  });

  test("with rules it changes the weights of the default rule, and nothing else that the user wrote", async () => {
    const mesh = meshWith({ virtualservices: [virtualService], destinationrules: [destinationRule] });
    await apply(mesh, shift);
    const [rule, routes] = mesh.source.writes.map(
      ({ body }) => body as KubeObject & { spec: { http: unknown[]; subsets: unknown } },
    );
    assert.deepEqual(rule?.spec.subsets, [
      { name: "old", labels: { version: "v1" } },
      { name: "v2", labels: { version: "v2" } },
    ]);
    const [special, usual] = routes?.spec.http ?? [];
    assert.deepEqual(special, (virtualService["spec"] as { http: unknown[] }).http[0]);
    assert.deepEqual(usual, {
      timeout: "3s",
      route: [
        { destination: { host: "reviews", subset: "old", port: { number: 80 } }, weight: 90 },
        { destination: { host: "reviews", subset: "v2", port: { number: 80 } }, weight: 10 },
      ],
    });
    assert.equal(routes?.metadata.resourceVersion, "5");
  });

  test("the plan shows YAML as its author would write it, before and after", async () => {
    const { reader } = meshWith({ virtualservices: [virtualService], destinationrules: [destinationRule] });
    const { objects } = await planAction(reader, shift);
    const routes = objects.find(({ reference }) => reference.kind === "VirtualService");
    assert.match(routes?.before ?? "", /weight: 100/);
    assert.match(routes?.after ?? "", /weight: 90/);
    assert.doesNotMatch(`${routes?.before}${routes?.after}`, /resourceVersion|last-applied/);
  });

  test("what is applied is what was shown: a plan of older objects is refused", async () => {
    const mesh = meshWith({});
    const { id } = await planAction(mesh.reader, { ...shift, weights: { v1: 50, v2: 50 } });
    await assert.rejects(
      applyAction(mesh.reader, { action: shift, seen: id }, AbortSignal.timeout(30_000)),
      (reason: { code?: string }) => reason.code === "console/changed",
    );
    assert.deepEqual(mesh.source.writes, []);
  });

  test("weights that are no shares of 100 are refused", async () => {
    const { reader } = meshWith({});
    for (const weights of [{ v1: 50, v2: 40 }, { v1: 150, v2: -50 }, { v1: 99.5, v2: 0.5 }, {}])
      await assert.rejects(planAction(reader, { ...shift, weights }), /sum up to 100/);
  });

  test("the page has the versions of all clusters, with the weights that are written", async () => {
    const { reader } = meshWith({ virtualservices: [virtualService], destinationrules: [destinationRule] });
    const page = (await readPage(reader, "/api/shift/shop/reviews")) as ShiftPage;
    assert.deepEqual(
      page.versions.map(({ version, weight, workloads }) => [
        version,
        weight,
        workloads.map(({ cluster }) => cluster),
      ]),
      [
        ["v1", 100, ["east"]],
        ["v2", 0, ["west"]],
      ],
    );
    assert.equal(page.virtualService?.name, "reviews-routes");
  });
});

suite("other actions", () => {
  test("a fault is put into the default rule and taken out again", async () => {
    const mesh = meshWith({ virtualservices: [virtualService] });
    const fault: Action = {
      kind: "fault",
      namespace: "shop",
      service: "reviews",
      abort: { percentage: 10, status: 503 },
    };
    await apply(mesh, fault);
    const written = mesh.source.writes[0]?.body as {
      spec: { http: { fault?: unknown; timeout?: string }[] };
    };
    assert.deepEqual(written.spec.http[1]?.fault, { abort: { percentage: { value: 10 }, httpStatus: 503 } });
    assert.equal(written.spec.http[1]?.timeout, "3s");
    const after = meshWith({ virtualservices: [written as unknown as KubeObject] });
    await apply(after, { kind: "fault", namespace: "shop", service: "reviews" });
    const taken = after.source.writes[0]?.body as { spec: { http: { fault?: unknown }[] } };
    assert.equal(taken.spec.http[1]?.fault, undefined);
  });

  test("scaling patches the scale of one workload in its cluster", async () => {
    const mesh = meshWith({});
    await apply(mesh, {
      kind: "scale",
      workload: { cluster: "west", namespace: "shop", kind: "Deployment", name: "reviews-v2" },
      replicas: 3,
    });
    const [write] = mesh.source.writes;
    assert.equal(write?.cluster, "west");
    assert.match(write?.path ?? "", /deployments\/reviews-v2\/scale$/);
    assert.deepEqual(write?.body, { spec: { replicas: 3 } });
  });

  test("clusters and links are changed by whoever runs them", async () => {
    const mesh = meshWith({});
    await apply(mesh, { kind: "cluster", cluster: "west", wanted: "stopped" });
    await apply(mesh, { kind: "link", between: ["east", "west"], wanted: "cut" });
    assert.deepEqual(mesh.source.asked, ["west stopped", "east-west cut"]);
  });

  const wrong: readonly [title: string, body: unknown, says: RegExp][] = [
    ["no object", "shift", /JSON object/],
    ["an unknown kind", { kind: "reboot" }, /kind/],
    [
      "a name that is a path",
      { kind: "shift", namespace: "../kube-system", service: "a", weights: {} },
      /namespace/,
    ],
    [
      "a text for a number",
      {
        kind: "scale",
        workload: { cluster: "a", namespace: "b", kind: "Deployment", name: "c" },
        replicas: "3",
      },
      /replicas/,
    ],
    ["a link to itself", { kind: "link", between: ["a", "a"], wanted: "cut" }, /two clusters/],
    ["a wish that is none", { kind: "cluster", cluster: "a", wanted: "gone" }, /running or stopped/],
  ];
  for (const [title, body, says] of wrong)
    test(`${title} is refused with the field's name`, () => assert.throws(() => parseAction(body), says));
});
