import assert from "node:assert/strict";
import { suite, test } from "vitest";
import type { DestinationRule } from "./config-types.ts";
import { createDestinationRules, policyForPort, policyForSubset } from "./destination-rules.ts";
import { parseMeshConfig } from "./mesh-config.ts";
import { createWorldObjects } from "./objects.ts";

const mesh = (yaml = "") => parseMeshConfig(yaml, createWorldObjects("c1", "istio-system"));
let made = 0;
const rule = (
  place: string,
  spec: DestinationRule["spec"],
  creationTimestamp = `2026-01-01T00:00:${String(made++ % 60).padStart(2, "0")}Z`,
): DestinationRule => {
  const [namespace = "", name = ""] = place.split("/");
  return {
    apiVersion: "networking.istio.io/v1",
    kind: "DestinationRule",
    metadata: { namespace, name, creationTimestamp },
    spec,
  };
};
const web = { host: "web.sample.svc.cluster.local", namespace: "sample" };
const host = web.host;

suite("which rule a client follows", () => {
  const cases: readonly {
    readonly title: string;
    readonly rules: readonly DestinationRule[];
    readonly client?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly mesh?: string;
    readonly follows: string | undefined;
  }[] = [
    {
      title: "its own namespace's before the service's and the root's",
      rules: [rule("istio-system/r", { host }), rule("sample/s", { host: "web" }), rule("other/o", { host })],
      client: "other",
      follows: "o",
    },
    {
      title: "the service's namespace's before the root's",
      rules: [rule("istio-system/r", { host }), rule("sample/s", { host: "web" })],
      client: "other",
      follows: "s",
    },
    {
      title: "the root's when there is no other, by wildcard",
      rules: [rule("istio-system/r", { host: "*.local" }), rule("third/t", { host })],
      client: "other",
      follows: "r",
    },
    {
      title: "the exact host before a wildcard, and a longer wildcard before a shorter one",
      rules: [
        rule("sample/a", { host: "*.local" }),
        rule("sample/b", { host: "*.sample.svc.cluster.local" }),
      ],
      follows: "b",
    },
    {
      title: "none that is exported to others only",
      rules: [rule("sample/s", { host: "web", exportTo: ["third"] })],
      client: "other",
      follows: undefined,
    },
    {
      title: "a private one only at home",
      rules: [rule("sample/s", { host: "web", exportTo: ["."] })],
      client: "other",
      follows: undefined,
    },
    {
      title: "one that the mesh's default keeps at home",
      rules: [rule("sample/s", { host: "web" })],
      client: "other",
      mesh: 'defaultDestinationRuleExportTo: ["."]',
      follows: undefined,
    },
    {
      title: "a hidden one for the host itself hides no rule of the next place",
      rules: [
        rule("sample/s", { host: "web", exportTo: ["third"] }),
        rule("istio-system/r", { host: "*.local" }),
      ],
      client: "other",
      follows: "r",
    },
    {
      title: "the one for its labels before the general one",
      rules: [
        rule("sample/all", { host: "web" }),
        rule("sample/some", { host: "web", workloadSelector: { matchLabels: { app: "client" } } }),
      ],
      labels: { app: "client" },
      follows: "some",
    },
    {
      title: "the general one without those labels",
      rules: [
        rule("sample/some", { host: "web", workloadSelector: { matchLabels: { app: "client" } } }),
        rule("sample/all", { host: "web" }),
      ],
      follows: "all",
    },
    {
      title: "never one for labels in another namespace",
      rules: [rule("sample/some", { host: "web", workloadSelector: { matchLabels: { app: "client" } } })],
      client: "other",
      labels: { app: "client" },
      follows: undefined,
    },
    {
      title: "in the root namespace the service's own before what the root has for everybody",
      rules: [rule("istio-system/r", { host: "*.local" }), rule("sample/s", { host: "web" })],
      client: "istio-system",
      follows: "s",
    },
    {
      title: "in the root namespace the private one before all",
      rules: [
        rule("istio-system/r", { host: "*.local", exportTo: ["."] }),
        rule("sample/s", { host: "web" }),
      ],
      client: "istio-system",
      follows: "r",
    },
  ];
  for (const { title, rules, client = "sample", labels = {}, mesh: yaml, follows } of cases) {
    test(title, () => {
      const found = createDestinationRules(rules, mesh(yaml)).ruleFor(client, labels, web);
      assert.equal(found?.name, follows);
    });
  }
});

suite("several rules for one host in one namespace", () => {
  const subset = (name: string, version = name) => ({ name, labels: { version } });
  const old = "2026-01-01T00:00:00Z";
  const young = "2026-01-02T00:00:00Z";
  const policy = (maxConnections: number) => ({ connectionPool: { tcp: { maxConnections } } });

  test("the subsets of all count, the older one's where they have the same name; the first policy counts", () => {
    const rules = createDestinationRules(
      [
        rule(
          "sample/young",
          { host: "web", trafficPolicy: policy(2), subsets: [subset("v1", "x"), subset("v2")] },
          young,
        ),
        rule("sample/old", { host: "web", subsets: [subset("v1")] }, old),
      ],
      mesh(),
    );
    const found = rules.ruleFor("sample", {}, web);
    assert.equal(found?.name, "old");
    assert.deepEqual(found?.subsets, [subset("v1"), subset("v2")]);
    assert.deepEqual(found?.trafficPolicy, policy(2));
  });

  test("a younger one that reaches further stands for itself as well", () => {
    const rules = createDestinationRules(
      [
        rule("sample/home", { host: "web", exportTo: ["."], trafficPolicy: policy(1) }, old),
        rule("sample/wide", { host: "web", exportTo: ["*"], trafficPolicy: policy(2) }, young),
      ],
      mesh(),
    );
    assert.equal(rules.ruleFor("sample", {}, web)?.name, "wide");
    assert.deepEqual(rules.ruleFor("other", {}, web)?.trafficPolicy, policy(2));
  });

  test("rules for different workloads stay apart", () => {
    const forApp = (app: string) => ({ workloadSelector: { matchLabels: { app } } });
    const rules = createDestinationRules(
      [
        rule("sample/a", { host: "web", ...forApp("a"), subsets: [subset("a")] }, old),
        rule("sample/b", { host: "web", ...forApp("b"), subsets: [subset("b")] }, young),
      ],
      mesh(),
    );
    assert.ok(rules.hasSelectors);
    assert.deepEqual(rules.ruleFor("sample", { app: "b" }, web)?.subsets, [subset("b")]);
  });
});

suite("what holds for a port and a subset", () => {
  const general = {
    connectionPool: { tcp: { maxConnections: 1 } },
    outlierDetection: { maxEjectionPercent: 10 },
    proxyProtocol: { version: "V2" },
    portLevelSettings: [{ port: { number: 80 }, loadBalancer: { simple: "RANDOM" } }],
  };

  test("settings of a port stand alone", () => {
    assert.deepEqual(policyForPort(general, 80), { loadBalancer: { simple: "RANDOM" } });
    const { portLevelSettings: _, ...rest } = general;
    assert.deepEqual(policyForPort(general, 81), rest);
  });

  const cases = [
    { title: "none of its own", trafficPolicy: undefined, holds: { tls: "rule", pool: 1, proxy: "V2" } },
    {
      title: "its own before the rule's, field by field",
      trafficPolicy: { connectionPool: { tcp: { maxConnections: 2 } } },
      holds: { tls: "rule", pool: 2, proxy: "V2" },
    },
    {
      title: "its own for the port: nothing else of what can be set for a port",
      trafficPolicy: {
        connectionPool: { tcp: { maxConnections: 2 } },
        portLevelSettings: [{ port: { number: 80 }, tls: { mode: "DISABLE" } }],
      },
      holds: { tls: "DISABLE", pool: undefined, proxy: "V2" },
    },
  ];
  for (const { title, trafficPolicy, holds } of cases) {
    test(`a subset has ${title}`, () => {
      const own = {
        connectionPool: { tcp: { maxConnections: 1 } },
        tls: { mode: "rule" },
        proxyProtocol: { version: "V2" },
      };
      const found = policyForSubset(own, { name: "v1", ...(trafficPolicy && { trafficPolicy }) }, 80);
      assert.deepEqual(
        {
          tls: found?.tls?.mode,
          pool: found?.connectionPool?.tcp?.maxConnections,
          proxy: found?.proxyProtocol?.version,
        },
        holds,
      );
    });
  }
});
