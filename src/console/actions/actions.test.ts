import assert from "node:assert/strict";
import { suite, test } from "vitest";
import { systemClock } from "../../base/index.ts";
import { mendedBy, type Remedy } from "../../checks/index.ts";
import type { KubeObject } from "../../kube/index.ts";
import type { Action, ChecksPage, Finding, LoadAction, LoadsPage, ShiftPage } from "../api.ts";
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

  test("a load is described as its command, sent in the workload's name, shown, and ended before its time", async () => {
    const mesh = meshWith({});
    const load: Action = {
      kind: "load",
      from: { cluster: "west", namespace: "shop", kind: "Deployment", name: "reviews-v2" },
      url: "http://ratings:9080/?a=1&b=2",
      rate: 20,
      seconds: 60,
      connections: 4,
    };
    const { commands } = await planAction(mesh.reader, load);
    assert.deepEqual(commands, [
      "isthmus load 'http://ratings:9080/?a=1&b=2' --from deployment/reviews-v2.shop --cluster west --rate 20 --duration 60s --connections 4",
    ]);
    await apply(mesh, load);
    assert.deepEqual(mesh.source.asked, ["load west/shop/reviews-v2 http://ratings:9080/?a=1&b=2 20"]);
    const shown = async () => ((await readPage(mesh.reader, "/api/loads")) as LoadsPage).loads[0];
    const running = await shown();
    assert.equal(running?.state, "running");
    assert.equal(running.report.ok, 10);
    const end: Action = { kind: "end-load", id: running.id };
    await apply(mesh, end);
    assert.equal((await shown())?.state, "ended");
    await assert.rejects(apply(mesh, end), /ended already/);
  });

  test("no more than four loads go on at a time", async () => {
    const mesh = meshWith({});
    const from = { cluster: "west", namespace: "shop", kind: "Deployment", name: "reviews-v2" };
    const load: Action = { kind: "load", from, url: "http://a", rate: 1, seconds: 600, connections: 1 };
    for (let i = 0; i < 4; i++) await apply(mesh, load);
    await assert.rejects(apply(mesh, load), /4 loads at a time/);
    mesh.reader.loads.stop();
  });

  const from = { cluster: "west", namespace: "shop", kind: "Deployment", name: "reviews-v2" };
  const modest = {
    kind: "load",
    from,
    url: "http://ratings:9080/",
    rate: 1,
    seconds: 1,
    connections: 1,
  } as const;
  const refused: readonly [what: string, change: Partial<LoadAction>, says: RegExp][] = [
    ["too fast", { rate: 1001 }, /rate is to be from 1 to 1000/],
    ["for ever", { seconds: 0 }, /seconds is to be from 1 to 600/],
    ["over no connection", { connections: 0 }, /connections is to be from 1 to 100/],
    ["to what is no URL", { url: "ratings" }, /no http URL/],
    ["to a file", { url: "file:///etc/passwd" }, /no http URL/],
    ["with a password in the address", { url: "http://a:b@ratings" }, /no http URL/],
  ];
  for (const [what, change, says] of refused)
    test(`a load ${what} is refused`, () =>
      assert.rejects(planAction(meshWith({}).reader, { ...modest, ...change }), says));

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

suite("fixing what the checks find", () => {
  const pod: KubeObject = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "web-1", namespace: "shop", uid: "u1" },
    spec: {},
  };
  const secret: KubeObject = {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: "second", namespace: "istio-system" },
    data: { kubeconfig: "aGlkZGVu" },
  };
  const namespace: KubeObject = { apiVersion: "v1", kind: "Namespace", metadata: { name: "shop" } };

  const meshFinding = (...remedies: readonly Remedy[]) => {
    const finding: Finding = {
      code: "injection/label-missing",
      severity: "warning",
      cluster: "west",
      objects: [],
      effect: "calls are plaintext",
      cause: "no label",
      evidence: [],
      ...(remedies.length === 0 ? { fix: "choose" } : mendedBy(remedies)),
    };
    const source = madeUpSource({
      findings: [finding],
      objects: () => ({
        namespaces: [namespace],
        pods: [pod],
        secrets: [secret],
        deployments: [deployment("v1")],
      }),
    });
    return { source, reader: createReader(source, systemClock) };
  };
  const fixOf = async ({ reader }: ReturnType<typeof meshFinding>): Promise<Action> => {
    const { findings } = (await readPage(reader, "/api/checks")) as ChecksPage;
    return { kind: "fix", finding: findings[0]?.id ?? "" };
  };
  const cluster = "west";

  test("labels are shown as YAML first and then patched, pods are deleted after that, as the fix says", async () => {
    const mesh = meshFinding(
      {
        kind: "label",
        cluster,
        objects: { kind: "Namespace", names: ["shop"] },
        label: "istio-injection",
        value: "enabled",
      },
      { kind: "delete", cluster, objects: { kind: "Pod", namespace: "shop", names: ["web-1"] } },
    );
    const action = await fixOf(mesh);
    const { objects, commands } = await planAction(mesh.reader, action);
    assert.match(objects[0]?.after ?? "", /istio-injection: enabled/);
    assert.doesNotMatch(objects[0]?.before ?? "", /istio-injection/);
    assert.deepEqual(objects[1], {
      reference: { cluster, kind: "Pod", namespace: "shop", name: "web-1" },
    });
    assert.deepEqual(commands, [
      "kubectl --context west label ns shop istio-injection=enabled --overwrite",
      "kubectl --context west -n shop delete pods web-1",
    ]);
    assert.deepEqual(mesh.source.writes, []);
    await apply(mesh, action);
    assert.deepEqual(
      mesh.source.writes.map(({ method, path }) => `${method} ${path}`),
      ["PATCH /api/v1/namespaces/shop", "DELETE /api/v1/namespaces/shop/pods/web-1"],
    );
  });

  test("a Secret that is deleted is named, and nothing of it is shown", async () => {
    const mesh = meshFinding({
      kind: "delete",
      cluster,
      objects: { kind: "Secret", namespace: "istio-system", names: ["second"] },
    });
    const plan = await planAction(mesh.reader, await fixOf(mesh));
    assert.equal(plan.objects[0]?.reference.name, "second");
    assert.doesNotMatch(JSON.stringify(plan), /aGlkZGVu/);
  });

  test("a Deployment is scaled, and a cluster started by whoever runs it", async () => {
    const mesh = meshFinding(
      {
        kind: "scale",
        cluster,
        objects: { kind: "Deployment", namespace: "shop", names: ["reviews-v1"] },
        replicas: 2,
      },
      { kind: "start", cluster },
    );
    await apply(mesh, await fixOf(mesh));
    assert.deepEqual(mesh.source.writes[0]?.body, { spec: { replicas: 2 } });
    assert.deepEqual(mesh.source.asked, ["west running"]);
  });

  test("what leaves a choice, and what is not found any more, is refused", async () => {
    const mesh = meshFinding();
    await assert.rejects(planAction(mesh.reader, await fixOf(mesh)), /leaves something to choose/);
    await assert.rejects(
      planAction(mesh.reader, { kind: "fix", finding: "other" }),
      (reason: { code?: string }) => reason.code === "console/changed",
    );
  });
});
