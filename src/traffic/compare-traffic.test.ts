import assert from "node:assert/strict";
import { suite, test } from "vitest";
import { compareTraffic } from "./compare-traffic.ts";
import {
  applying,
  clusterOf,
  crossNetworkGateway,
  deleting,
  deployment,
  eastWest,
  meshBase,
  noticed,
  remoteSecret,
  web,
  workload,
} from "./test-support/clusters.ts";

const subsets = `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: web, namespace: shop }
spec: { host: web, subsets: [{ name: v1, labels: { version: v1 } }, { name: v2, labels: { version: v2 } }] }
---
`;
const split = (v1: number, v2: number, first = "") => `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: web, namespace: shop }
spec:
  hosts: [web]
  http:
${first}
    - route:
        - { destination: { host: web, subset: v1 }, weight: ${v1} }
        - { destination: { host: web, subset: v2 }, weight: ${v2} }
---
`;
const peerAuthentication = (mode: string, namespace = "shop") => `
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: { name: default, namespace: ${namespace} }
spec: { mtls: { mode: ${mode} } }
---
`;
const clientTls = (mode: string) => `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: web, namespace: shop }
spec: { host: web, trafficPolicy: { tls: { mode: ${mode} } } }
---
`;
const policy = (spec: string) => `
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: rule, namespace: shop }
spec: ${spec}
---
`;

const v1 = { labels: "app: web, version: v1", account: "web" };
const v2 = { labels: "app: web, version: v2", account: "web" };
const apps = workload("web-v1", "10.1.0.1", v1) + workload("web-v2", "10.1.0.2", v2);
const both = { "web-v1": "10.1.0.1", "web-v2": "10.1.0.2" };
const curl = workload("curl", "10.1.0.9");
const mesh = meshBase() + apps + curl + web(both);

/** web-v1 and web-v2 may call web too: what they notice is the same as what curl does. */
const ofCurl = (lines: readonly string[]) =>
  lines.map((line) => line.replace("curl, web-v1, web-v2 → web.shop", "all"));

suite("what callers notice", () => {
  const cases: readonly {
    readonly title: string;
    readonly before?: string;
    readonly effects: Parameters<typeof noticed>[0][string]["effects"];
    readonly lines: readonly string[];
  }[] = [
    {
      title: "another weight in a VirtualService is another split",
      before: mesh + subsets + split(50, 50),
      effects: applying(split(90, 10)),
      lines: ["all (from fra): v1@fra 50, v2@fra 50 → v1@fra 90, v2@fra 10"],
    },
    {
      title: "the same objects again are noticed by nobody",
      before: mesh + subsets + split(50, 50),
      effects: applying(subsets + split(50, 50)),
      lines: [],
    },
    {
      title: "a subset that goes while routes name it costs its share",
      before: mesh + subsets + split(50, 50),
      effects: applying(subsets.replace(/, \{ name: v2.*?\} \}/, "")),
      lines: [
        "all (from fra): v1@fra 50, v2@fra 50 → no such destination 50, v1@fra 50 (outbound|80|v2|web.shop.svc.cluster.local is not known to the caller's proxy); loses access",
      ],
    },
    {
      title: "a rule for some requests is told beside what is true of the others",
      before: mesh + subsets + split(100, 0),
      effects: applying(
        split(
          100,
          0,
          "    - { match: [{ headers: { tester: { exact: yes } } }], route: [{ destination: { host: web, subset: v2 } }] }",
        ).replace("exact: yes", 'exact: "yes"'),
      ),
      lines: ["all header tester: yes (from fra): v1@fra 100 → v2@fra 100"],
    },
    {
      title: "a time-out, retries, faults and a mirror are told, each with what it was before",
      before: mesh + subsets + split(100, 0),
      effects: applying(
        split(100, 0).replace(
          "    - route:",
          [
            "    - timeout: 3s",
            "      retries: { attempts: 5, perTryTimeout: 1s, retryOn: 5xx }",
            "      fault: { delay: { fixedDelay: 2s, percentage: { value: 0.5 } }, abort: { httpStatus: 503, percentage: { value: 10 } } }",
            "      mirror: { host: web, subset: v2 }",
            "      mirrorPercentage: { value: 25 }",
            "      route:",
          ].join("\n"),
        ),
      ),
      lines: [
        "all (from fra): v1@fra 100 → v1@fra 100 [time-out 3s] [retries 5 of 1s each on 5xx] [delay 2s for 0.5 %] [abort 503 for 10 %] [mirror 25 % to v2 of web.shop.svc.cluster.local]",
      ],
    },
    {
      title: "a rule that says what is so already is noticed by nobody",
      before: mesh + subsets + split(100, 0),
      effects: applying(split(100, 0).replace("    - route:", "    - timeout: 0s\n      route:")),
      lines: [],
    },
    {
      title: "a Deployment with more replicas takes more",
      effects: applying(deployment("web-v1", 3, v1.labels, "web")),
      lines: ["all (from fra): v1@fra 50, v2@fra 50 → v1@fra 75, v2@fra 25"],
    },
    {
      title: "a Deployment that goes leaves its share to the others, and calls nobody any more",
      effects: deleting(deployment("web-v2", 1)),
      lines: ["curl, web-v1 → web.shop (from fra): v1@fra 50, v2@fra 50 → v1@fra 100"],
    },
    {
      title: "a new Deployment takes its share",
      effects: applying(deployment("web-v3", 2, "app: web, version: v3", "web")),
      lines: [
        "all (from fra): v1@fra 50, v2@fra 50 → v3@fra 50, v1@fra 25, v2@fra 25",
        "web-v3 → web.shop (from fra): nothing → v3@fra 50, v1@fra 25, v2@fra 25; gains access",
      ],
    },
    {
      title: "a Service that goes is a name that nobody knows",
      effects: deleting(web(both)),
      lines: ["all (from fra): v1@fra 50, v2@fra 50 → nothing; loses access"],
    },
    {
      title: "a selector that selects nothing leaves nobody to answer",
      effects: applying(web({}).split("---")[0]?.replace("app: web", "app: nothing") ?? ""),
      lines: ["all (from fra): v1@fra 50, v2@fra 50 → no endpoints 100 (nothing is behind it); loses access"],
    },
    {
      title: "PeerAuthentication DISABLE takes mTLS away",
      before: mesh + peerAuthentication("STRICT"),
      effects: applying(peerAuthentication("DISABLE")),
      lines: ["all (from fra): v1@fra 50, v2@fra 50 → v1@fra 50, v2@fra 50; loses mTLS"],
    },
    {
      title: "a mesh-wide PeerAuthentication DISABLE does too",
      effects: applying(peerAuthentication("DISABLE", "istio-system")),
      lines: ["all (from fra): v1@fra 50, v2@fra 50 → v1@fra 50, v2@fra 50; loses mTLS"],
    },
    {
      title: "a DestinationRule that switches TLS off takes mTLS away",
      effects: applying(clientTls("DISABLE")),
      lines: ["all (from fra): v1@fra 50, v2@fra 50 → v1@fra 50, v2@fra 50; loses mTLS"],
    },
    {
      title: "where mTLS is demanded, a DestinationRule that switches TLS off takes access away",
      before: mesh + peerAuthentication("STRICT"),
      effects: applying(clientTls("DISABLE")),
      lines: [
        "all (from fra): v1@fra 50, v2@fra 50 → v1@fra 50, v2@fra 50 (plaintext is refused); loses access",
      ],
    },
    {
      title: "where mTLS is switched off, a DestinationRule that insists on it takes access away",
      before: mesh + peerAuthentication("DISABLE"),
      effects: applying(clientTls("ISTIO_MUTUAL")),
      lines: [
        "all (from fra): v1@fra 50, v2@fra 50 → v1@fra 50, v2@fra 50 (mTLS is switched off there); loses access",
      ],
    },
    {
      title: "PeerAuthentication STRICT changes nothing for those that speak mTLS already",
      effects: applying(peerAuthentication("STRICT")),
      lines: [],
    },
    {
      title: "PeerAuthentication STRICT keeps callers without a sidecar out",
      before: mesh + workload("legacy", "10.1.0.30", { hasSidecar: false }),
      effects: applying(peerAuthentication("STRICT")),
      lines: [
        "legacy → web.shop (from fra): v1@fra 50, v2@fra 50 → v1@fra 50, v2@fra 50 (plaintext is refused); loses access",
      ],
    },
    {
      title: "rules of the mesh change nothing for callers without a sidecar, policies at the far end do",
      before: mesh + subsets + workload("legacy", "10.1.0.30", { hasSidecar: false }),
      effects: applying(
        split(100, 0) + policy("{ action: ALLOW, rules: [{ from: [{ source: { namespaces: [shop] } }] }] }"),
      ),
      lines: [
        "all (from fra): v1@fra 50, v2@fra 50 → v1@fra 100",
        "legacy → web.shop (from fra): v1@fra 50, v2@fra 50 → v1@fra 50, v2@fra 50 (not allowed by AuthorizationPolicy shop/rule); loses access",
      ],
    },
    {
      title: "an AuthorizationPolicy that denies one caller is noticed by that one",
      effects: applying(
        policy(
          '{ action: DENY, rules: [{ from: [{ source: { principals: ["cluster.local/ns/shop/sa/curl"] } }] }] }',
        ),
      ),
      lines: [
        "curl → web.shop (from fra): v1@fra 50, v2@fra 50 → v1@fra 50, v2@fra 50 (denied by AuthorizationPolicy shop/rule); loses access",
      ],
    },
    {
      title: "an AuthorizationPolicy for one version takes away its part",
      effects: applying(
        policy(
          "{ selector: { matchLabels: { version: v2 } }, action: DENY, rules: [{ from: [{ source: { namespaces: [shop] } }] }] }",
        ),
      ),
      lines: [
        "all (from fra): v1@fra 50, v2@fra 50 → v1@fra 50, v2@fra 50 (denied by AuthorizationPolicy shop/rule); loses access",
      ],
    },
    {
      title: "an AuthorizationPolicy that looks at requests lets some of them in",
      effects: applying(policy("{ action: ALLOW, rules: [{ to: [{ operation: { methods: [GET] } }] }] }")),
      lines: [
        "all (from fra): v1@fra 50, v2@fra 50 → v1@fra 50, v2@fra 50 (not allowed by AuthorizationPolicy shop/rule); loses access",
      ],
    },
    {
      title: "an AuthorizationPolicy without rules lets nobody in, and taking it away lets them in again",
      before: mesh + policy("{}"),
      effects: deleting(policy("{}")),
      lines: [
        "all (from fra): v1@fra 50, v2@fra 50 (not allowed by AuthorizationPolicy shop/rule) → v1@fra 50, v2@fra 50; gains access",
      ],
    },
    {
      title: "a policy for another port is noticed by nobody",
      effects: applying(policy('{ action: DENY, rules: [{ to: [{ operation: { ports: ["9999"] } }] }] }')),
      lines: [],
    },
    {
      title:
        "istiod's values count: REGISTRY_ONLY changes nothing for what is in the registry, automatic mTLS does",
      effects: [
        {
          kind: "release",
          chart: "istiod",
          before: {},
          after: { meshConfig: { enableAutoMtls: false, outboundTrafficPolicy: { mode: "REGISTRY_ONLY" } } },
        },
      ],
      lines: ["all (from fra): v1@fra 50, v2@fra 50 → v1@fra 50, v2@fra 50; loses mTLS"],
    },
    {
      title: "connections that are no HTTP are told of by the address that they go to",
      before: meshBase() + apps + curl + web(both, "{ name: tcp, port: 9000, targetPort: 8080 }"),
      effects: applying(deployment("web-v1", 3, v1.labels, "web")),
      lines: ["all (from fra): v1@fra 50, v2@fra 50 → v1@fra 75, v2@fra 25"],
    },
    {
      title: "a pod that loses its sidecar takes plaintext only",
      before: meshBase() + workload("web-v1", "10.1.0.1", v1) + curl + web({ "web-v1": "10.1.0.1" }),
      effects: applying(
        deployment("web-v1", 1, v1.labels, "web").replace(
          "template:\n    metadata: { labels: {",
          'template:\n    metadata: { labels: { sidecar.istio.io/inject: "false",',
        ),
      ),
      // Its own requests are tried once from then on.
      lines: [
        "curl → web.shop (from fra): v1@fra 100 → v1@fra 100; loses mTLS",
        "web-v1 → web.shop (from fra): v1@fra 100 → v1@fra 100; loses mTLS",
      ],
    },
  ];
  for (const { title, before = mesh, effects = [], lines } of cases) {
    test(title, () => {
      assert.deepEqual(ofCurl(noticed({ fra: { yaml: before, effects } })), lines);
    });
  }
});

suite("what callers notice over several clusters", () => {
  const fra =
    meshBase("n1") +
    eastWest("n1", "192.0.2.1", "10.1.0.20") +
    workload("web-v1", "10.1.0.1", v1) +
    curl +
    web({ "web-v1": "10.1.0.1" }) +
    remoteSecret("ash");
  const ash =
    meshBase("n2") +
    eastWest("n2", "192.0.2.2", "10.1.0.20") +
    workload("web-v2", "10.1.0.1", v2) +
    web({ "web-v2": "10.1.0.1" }) +
    remoteSecret("fra");
  const first = "curl, web-v1 → web.shop (from fra)";
  const system = (network: string) =>
    `apiVersion: v1\nkind: Namespace\nmetadata: { name: istio-system, labels: { topology.istio.io/network: ${network} } }\n`;

  test("losses come before other changes, and what is new last", () => {
    const effects = [
      ...applying(deployment("web-v1", 3, v1.labels, "web") + deployment("new", 1)),
      ...applying(
        policy(
          '{ action: DENY, rules: [{ from: [{ source: { principals: ["cluster.local/ns/shop/sa/curl"] } }] }] }',
        ),
      ),
    ];
    const changes = compareTraffic([
      { before: clusterOf("fra", fra), effects },
      { before: clusterOf("ash", ash), effects: [] },
    ]);
    assert.deepEqual(
      changes.map(({ callers, cluster }) => `${callers.join()} ${cluster}`),
      ["curl fra", "web-v2 ash", "web-v1 fra", "new fra"],
    );
  });

  test("requests are followed over the gateway to the versions behind it", () => {
    const effects = applying(deployment("web-v2", 3, v2.labels, "web"));
    const lines = noticed({ fra: { yaml: fra }, ash: { yaml: ash, effects } });
    assert.deepEqual(lines, [
      `${first}: v1@fra 50, v2@ash over a gateway 50 → v2@ash over a gateway 75, v1@fra 25`,
      "web-v2 → web.shop (from ash): v1@fra over a gateway 50, v2@ash 50 → v2@ash 75, v1@fra over a gateway 25",
    ]);
  });

  test("a credential that goes takes the other cluster's endpoints away", () => {
    const lines = noticed({ fra: { yaml: fra, effects: deleting(remoteSecret("ash")) }, ash: { yaml: ash } });
    assert.deepEqual(lines, [`${first}: v1@fra 50, v2@ash over a gateway 50 → v1@fra 100`]);
  });

  test("a gateway that passes nothing on any more costs the share behind it", () => {
    const lines = noticed({ fra: { yaml: fra }, ash: { yaml: ash, effects: deleting(crossNetworkGateway) } });
    assert.deepEqual(lines, [
      `${first}: v1@fra 50, v2@ash over a gateway 50 → refused 50, v1@fra 50 (the gateway of ash does not pass it on); loses access`,
    ]);
  });

  test("a policy of the other cluster holds for who called, not for the gateway between", () => {
    const effects = applying(
      policy(
        '{ action: DENY, rules: [{ from: [{ source: { principals: ["cluster.local/ns/shop/sa/curl"] } }] }] }',
      ),
    );
    const lines = noticed({ fra: { yaml: fra }, ash: { yaml: ash, effects } });
    assert.deepEqual(lines, [
      "curl → web.shop (from fra): v1@fra 50, v2@ash over a gateway 50 → v1@fra 50, v2@ash over a gateway 50 (denied by AuthorizationPolicy shop/rule); loses access",
    ]);
  });

  test("without mTLS there is no way over a gateway", () => {
    const lines = noticed({
      fra: { yaml: fra, effects: applying(clientTls("DISABLE")) },
      ash: { yaml: ash },
    });
    assert.deepEqual(lines, [
      `${first}: v1@fra 50, v2@ash over a gateway 50 → v1@fra 100; loses mTLS`,
      "web-v2 → web.shop (from ash): v1@fra over a gateway 50, v2@ash 50 → no endpoints 50, v2@ash 50 (nothing is behind the gateway of fra); loses access",
    ]);
  });

  test("a network label that names a network without gateway takes its endpoints out of reach", () => {
    const lines = noticed({ fra: { yaml: fra }, ash: { yaml: ash, effects: applying(system("n3")) } });
    assert.deepEqual(lines, [
      `${first}: v1@fra 50, v2@ash over a gateway 50 → out of reach 50, v1@fra 50 (ash is on the network n3, to which no gateway is known); loses access`,
    ]);
  });

  test("a remote is served by the control plane that its namespace names", () => {
    const remote = (text: string) =>
      text
        .replace(/apiVersion: v1\nkind: ConfigMap[\s\S]*?---\n/, "")
        .replace(
          "name: istio-system,",
          "name: istio-system, annotations: { topology.istio.io/controlPlaneClusters: fra },",
        );
    const effects = applying(subsets + split(90, 10));
    const lines = noticed({
      fra: { yaml: fra, effects },
      ash: { yaml: remote(ash).replace(remoteSecret("fra"), "") },
    });
    assert.deepEqual(lines, [
      `${first}: v1@fra 50, v2@ash over a gateway 50 → v1@fra 90, v2@ash over a gateway 10`,
      "web-v2 → web.shop (from ash): v1@fra over a gateway 50, v2@ash 50 → v1@fra over a gateway 90, v2@ash 10",
    ]);
  });

  test("a mesh that is not there yet shows what its callers will find", () => {
    const bare = "apiVersion: v1\nkind: Namespace\nmetadata: { name: default }\n";
    const secret = (cluster: string) =>
      remoteSecret(cluster)
        .replace(/^data:.*$/m, "")
        .replace(
          'labels: { istio/multiCluster: "true" }',
          `labels: { istio/multiCluster: "true" }, annotations: { networking.istio.io/cluster: ${cluster} }`,
        );
    const gateway = (network: string) => `
apiVersion: apps/v1
kind: Deployment
metadata: { name: eastwest, namespace: istio-system }
spec:
  selector: { matchLabels: { istio: eastwest } }
  template:
    metadata:
      labels: { istio: eastwest, sidecar.istio.io/inject: "true", topology.istio.io/network: ${network} }
      annotations: { inject.istio.io/templates: gateway }
    spec: { containers: [{ name: istio-proxy, image: auto, env: [{ name: ISTIO_META_REQUESTED_NETWORK_VIEW, value: ${network} }] }] }
---
${eastWest(network, "", "")
  .split("---")[0]
  ?.replace(/status:.*/, "")}
---
${crossNetworkGateway}`;
    const service = web({}).split("---")[0] ?? "";
    const all = (network: string, other: string, app: string) => [
      { kind: "release", chart: "istiod", after: {} } as const,
      ...applying(
        `${system(network)}---\napiVersion: v1\nkind: Namespace\nmetadata: { name: shop, labels: { istio-injection: enabled } }\n---\n${gateway(network)}${secret(other)}${service}\n---\n${app}`,
      ),
    ];
    const lines = noticed({
      fra: {
        yaml: bare,
        effects: all("n1", "ash", deployment("web-v1", 1, v1.labels, "web") + deployment("curl", 1)),
      },
      ash: { yaml: bare, effects: all("n2", "fra", deployment("web-v2", 1, v2.labels, "web")) },
    });
    assert.deepEqual(
      lines.filter((line) => !line.startsWith("eastwest")),
      [
        `${first}: nothing → v1@fra 50, v2@ash over a gateway 50; gains access`,
        "web-v2 → web.shop (from ash): nothing → v1@fra over a gateway 50, v2@ash 50; gains access",
      ],
    );
  });
});
