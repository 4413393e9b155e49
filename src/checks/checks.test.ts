import assert from "node:assert/strict";
import { suite, test } from "vitest";
import { findingsOf } from "./check-mesh.ts";
import type { ClusterView, Finding, MeshView, RegisteredCluster } from "./contracts.ts";
import {
  deployment,
  exposure,
  gatewayService,
  healthyMesh,
  namespace,
  now,
  pod,
  rule,
  service,
  withCluster,
} from "./test-support/healthy-mesh.ts";

interface Case {
  readonly what: string;
  readonly mesh: MeshView;
  /** Codes in order. */
  readonly codes: readonly string[];
  readonly severity?: Finding["severity"];
  /** What the first finding says, all texts together. */
  readonly says?: RegExp;
}

const healthy = healthyMesh();
const fra = (change: (cluster: ClusterView) => Partial<ClusterView>) => withCluster(healthy, "fra", change);
const ash = (change: (cluster: ClusterView) => Partial<ClusterView>, mesh = healthy) =>
  withCluster(mesh, "ash", change);
const found = (mesh: MeshView) =>
  findingsOf(mesh, { isRunning: true }).filter(
    // The objects here have no more than what is looked at.
    ({ code, severity }) => severity !== "info" && !code.startsWith("object/"),
  );

/** The mesh as istiod sees it with another line for ash. */
function seen(line: Partial<RegisteredCluster> | undefined, mesh = healthy): MeshView {
  const { clusters = [], proxies = [] } = mesh.controlPlanes?.get("fra") ?? {};
  const lines = clusters.flatMap((one) =>
    one.id !== "ash" ? [one] : line === undefined ? [] : [{ ...one, ...line }],
  );
  return { ...mesh, controlPlanes: new Map([["fra", { clusters: lines, proxies }]]) };
}

/** The mesh with such a token for ash. */
function withToken(
  life: { readonly issuedAt: number; readonly expiresAt: number },
  mesh = healthy,
): MeshView {
  return withCluster(mesh, "fra", ({ remoteSecrets }) => ({
    remoteSecrets: remoteSecrets.map((secret) => ({ ...secret, lives: new Map([["ash", life]]) })),
  }));
}

/** The mesh without the connections of ash's pods. */
function disconnected(mesh: MeshView = healthy): MeshView {
  const { clusters = [], proxies = [] } = mesh.controlPlanes?.get("fra") ?? {};
  return {
    ...mesh,
    controlPlanes: new Map([
      ["fra", { clusters, proxies: proxies.filter(({ cluster }) => cluster !== "ash") }],
    ]),
  };
}

/** The mesh with ash's proxies refusing routes. */
function rejecting(message: string): MeshView {
  const { clusters = [], proxies = [] } = healthy.controlPlanes?.get("fra") ?? {};
  const refuses = { rejections: [{ type: "RDS", message }] };
  return {
    ...healthy,
    controlPlanes: new Map([
      [
        "fra",
        { clusters, proxies: proxies.map((one) => (one.cluster === "ash" ? { ...one, ...refuses } : one)) },
      ],
    ]),
  };
}

const unread = (name: string): MeshView => ({
  ...healthy,
  clusters: healthy.clusters.filter((one) => one.name !== name),
  unread: healthy.clusters
    .filter((one) => one.name === name)
    .map(({ primary, network, reads }) => ({
      name,
      primary,
      network,
      reads,
      reason: `${name} is stopped`,
      fix: `isthmus cluster start ${name}`,
    })),
});

const relabelled = (network: string | undefined) =>
  ash(({ namespaces }) => ({
    namespaces: namespaces.map((one) =>
      one.metadata.name === "istio-system"
        ? namespace("istio-system", network === undefined ? {} : { "topology.istio.io/network": network })
        : one,
    ),
  }));
const withGateways = (...gateways: ClusterView["gateways"]) => fra(() => ({ gateways }));
const gatewayWith = (change: object) => ({
  ...exposure,
  spec: { ...(exposure["spec"] as object), ...change },
});
const route = (...destinations: object[]) => ({
  hosts: ["hello"],
  http: [{ route: destinations.map((one) => ({ ...one })) }],
});
const to = (subset: string, weight?: number) => ({
  destination: { host: "hello", subset },
  ...(weight === undefined ? {} : { weight }),
});
const atGateway = { hosts: ["shared.example.com"], http: [{ route: [{ destination: { host: "hello" } }] }] };
const subsets = rule("DestinationRule", "hello", {
  host: "hello.sample.svc.cluster.local",
  subsets: [{ name: "v1" }, { name: "v2" }],
});
const tlsServer = (number: number, mode: string) => ({
  port: { number, name: "tls", protocol: "TLS" },
  tls: { mode },
  hosts: ["*.local"],
});
const ingress = (name: string, istio = "eastwestgateway") =>
  rule("Gateway", name, {
    selector: { istio },
    servers: [
      {
        port: { number: 15443, name: "http", protocol: "HTTP" },
        hosts: [`${name}.example.com`, "shared.example.com"],
        bind: `127.0.0.${name.length}`,
      },
    ],
  });
/** A server of both clusters' gateways for `host`, whose certificate is for `dnsNames`. */
const secured = (host: string, ...dnsNames: readonly string[]) =>
  fra(({ gateways }) => ({
    gateways: [
      ...gateways,
      rule("Gateway", "secure", {
        selector: { istio: "eastwestgateway" },
        servers: [
          {
            port: { number: 15443, name: "https", protocol: "HTTPS" },
            bind: "127.0.0.9",
            hosts: [host],
            tls: { mode: "SIMPLE", credentialName: "cert" },
          },
        ],
      }),
    ],
    gatewayCredentials: [{ name: "cert", namespace: "istio-system", dnsNames }],
  }));
const virtualServices = (...objects: ClusterView["virtualServices"]) =>
  fra(({ gateways }) => ({
    virtualServices: objects,
    destinationRules: [subsets],
    gateways: [...gateways, ingress("demo"), ingress("other")],
  }));
const refused = (message: string) => ash(() => ({ deployments: [deployment("hello", message)] }));
const addressOfIstiod = (address: string, mesh = healthy) =>
  ash(
    ({ endpointSlices }) => ({
      endpointSlices: endpointSlices.map((slice) => ({ ...slice, endpoints: [{ addresses: [address] }] })),
    }),
    mesh,
  );
const gatewayDeployment = (replicas: number) => ({
  ...deployment("istio-eastwestgateway"),
  metadata: { name: "istio-eastwestgateway", namespace: "istio-system" },
  spec: {
    replicas,
    selector: {},
    template: { metadata: { labels: { istio: "eastwestgateway" } }, spec: { containers: [] } },
  },
});
const bare = { containers: [{ name: "app" }], labels: { app: "hello" } };
const podsOfAsh = (...pods: ClusterView["pods"]) =>
  ash((cluster) => ({
    pods: [...cluster.pods.filter(({ metadata }) => metadata.namespace !== "sample"), ...pods],
  }));
const withoutLabel = (labels: Readonly<Record<string, string>> = {}) => ({
  namespaces: [
    ...(healthy.clusters[1]?.namespaces ?? []).filter(({ metadata }) => metadata.name !== "sample"),
    namespace("sample", labels),
  ],
});

const cases: Readonly<Record<string, readonly Case[]>> = {
  "clusters and control planes": [
    { what: "nothing is wrong", mesh: healthy, codes: [] },
    {
      what: "a remote that is away is said once, whatever istiod says of it",
      mesh: seen({ syncStatus: "unreachable", problem: "nothing listens there" }, unread("ash")),
      codes: ["cluster/not-answering"],
      says: /ash is stopped.*nothing listens there.*isthmus cluster start ash/s,
    },
    {
      what: "a primary that is away",
      mesh: { ...unread("fra"), controlPlanes: new Map() },
      codes: ["cluster/not-answering"],
    },
    {
      what: "istiod is not ready; its proxies are not blamed",
      mesh: disconnected(
        fra(({ pods }) => ({
          pods: pods.map((one) =>
            one.metadata.name === "istiod-1"
              ? pod("istiod-1", "istio-system", {
                  labels: { app: "istiod" },
                  containers: [{ name: "discovery" }],
                  ready: false,
                })
              : one,
          ),
        })),
      ),
      codes: ["istiod/not-ready"],
      says: /fra and ash.*istiod-1/s,
    },
    {
      what: "istiod is ready but silent",
      mesh: { ...healthy, controlPlanes: new Map() },
      codes: ["istiod/not-answering"],
      severity: "warning",
    },
    {
      what: "a remote looks for istiod elsewhere, while its proxies are connected",
      mesh: addressOfIstiod("127.16.255.9"),
      codes: ["istiod/address-differs"],
      severity: "warning",
      says: /cannot reach istiod at 127\.16\.255\.9:15012.*127\.16\.255\.2/s,
    },
    {
      what: "a remote looks for istiod elsewhere, and its proxies are lost",
      mesh: disconnected(addressOfIstiod("127.16.255.9")),
      codes: ["istiod/address-differs", "proxy/not-connected"],
      severity: "error",
    },
  ],
  credentials: [
    {
      what: "no Secret for a remote",
      mesh: seen(
        undefined,
        fra(() => ({ remoteSecrets: [] })),
      ),
      codes: ["credential/missing"],
      severity: "error",
      says: /ash: no credential.*istioctl create-remote-secret --context ash --name ash/s,
    },
    {
      what: "no Secret for a remote whose proxies are refused therefore",
      mesh: disconnected(
        seen(
          undefined,
          fra(() => ({ remoteSecrets: [] })),
        ),
      ),
      codes: ["credential/missing", "proxy/not-connected"],
    },
    {
      what: "two Secrets for one cluster",
      mesh: fra(({ remoteSecrets }) => ({
        remoteSecrets: [...remoteSecrets, { name: "second", clusters: ["ash"] }],
      })),
      codes: ["credential/duplicate"],
      says: /istio-remote-secret-ash and second.*delete secret second/s,
    },
    {
      what: "two Secrets for one cluster, of which istiod took the younger",
      mesh: seen(
        { secretName: "istio-system/second" },
        fra(({ remoteSecrets }) => ({
          remoteSecrets: [...remoteSecrets, { name: "second", clusters: ["ash"] }],
        })),
      ),
      codes: ["credential/duplicate"],
    },
    {
      what: "an expired token",
      mesh: seen({ syncStatus: "unreachable", problem: "Unauthorized" }),
      codes: ["credential/refused"],
      says: /unauthorized/,
    },
    {
      what: "a token that nobody has renewed in time",
      mesh: withToken({ issuedAt: now - 70_000, expiresAt: now + 30_000 }),
      codes: ["credential/expiring"],
      severity: "warning",
      says: /ends 20.*isthmus apply/s,
    },
    {
      what: "a token that is to be renewed about now",
      mesh: withToken({ issuedAt: now - 60_000, expiresAt: now + 40_000 }),
      codes: [],
    },
    {
      what: "a token that has ended, and is refused therefore",
      mesh: withToken(
        { issuedAt: now - 100_000, expiresAt: now - 1 },
        seen({ syncStatus: "unreachable", problem: "Unauthorized" }),
      ),
      codes: ["credential/expired"],
      severity: "error",
    },
    {
      what: "an address where nothing listens",
      mesh: seen({ syncStatus: "unreachable", problem: "https://127.17.0.1:6444 cannot be reached" }),
      codes: ["credential/unreachable"],
      says: /127\.17\.0\.1:6444/,
    },
    {
      what: "istiod gave up waiting",
      mesh: seen({ syncStatus: "timeout" }),
      codes: ["credential/unreachable"],
    },
    { what: "istiod is still reading", mesh: seen({ syncStatus: "syncing" }), codes: [] },
    {
      what: "a kubeconfig without a context",
      mesh: seen({ syncStatus: "unusable", problem: "the kubeconfig has no current context" }),
      codes: ["credential/unusable"],
    },
  ],
  "pods and proxies": [
    {
      what: "the webhook's connection is cut: the address is that of the Service",
      mesh: refused(
        'Internal error occurred: failed calling webhook "x.istio.io": failed to call webhook: Post "https://istiod.istio-system.svc:443/inject?timeout=10s": read: connection reset by peer',
      ),
      codes: ["workload/pods-refused"],
      says: /cannot reach istiod at 127\.16\.255\.2:15017 .*\(read: connection reset by peer\)/,
    },
    {
      what: "the webhook refuses a pod",
      mesh: refused('admission webhook "x.istio.io" denied the request: bad annotation'),
      codes: ["workload/pods-refused"],
      says: /refuses its pods: .*bad annotation/,
    },
    {
      what: "the webhook's address refuses connections",
      mesh: refused(
        'Internal error occurred: failed calling webhook "namespace.sidecar-injector.istio.io": failed to call webhook: Post "https://istiod.istio-system.svc:443/inject": dial tcp 127.16.255.9:15017: connect: connection refused',
      ),
      codes: ["workload/pods-refused"],
      says: /lacks 1 of 2 pods.*cannot reach istiod at 127\.16\.255\.9:15017.*\(connection refused\)/s,
    },
    {
      what: "a quota refuses pods",
      mesh: refused("pods is forbidden: exceeded quota"),
      codes: ["workload/pods-refused"],
      says: /exceeded quota/,
    },
    {
      what: "a proxy that istiod does not know",
      mesh: disconnected(),
      codes: ["proxy/not-connected"],
      says: /keep what they had.*hello-v2\.sample/s,
    },
    {
      what: "a pod that has just started",
      mesh: podsOfAsh(
        pod("hello-new", "sample", {
          startTime: new Date(now - 1000).toISOString(),
          labels: { app: "hello" },
        }),
      ),
      codes: [],
    },
    {
      what: "a pod that has waited for a while",
      mesh: podsOfAsh(
        pod("hello-new", "sample", {
          startTime: new Date(now - 20_000).toISOString(),
          ready: false,
          labels: { app: "hello" },
        }),
      ),
      codes: ["proxy/not-connected"],
      says: /1 pod of ash does not become ready/,
    },
    {
      what: "proxies that refuse what they are sent",
      mesh: rejecting("Only unique names for routes are supported"),
      codes: ["proxy/rejects"],
      says: /changes of RDS do not reach .* of ash: they keep what they took last.*Only unique names for routes/s,
    },
    {
      what: "a Job's pod that has ended",
      mesh: podsOfAsh(pod("job-1", "sample", { phase: "Succeeded" })),
      codes: [],
    },
  ],
  networks: [
    {
      what: "istio-system says another cluster's network",
      mesh: relabelled("network1"),
      codes: ["network/label-differs"],
      says: /requests from fra to pods of ash.*time out.*namespace istio-system of ash says network1, the mesh file says network2.*label ns istio-system topology\.istio\.io\/network=network2 --overwrite/s,
    },
    {
      what: "istio-system says nobody's network",
      mesh: relabelled("network3"),
      codes: ["network/label-differs"],
      says: /network3 has no gateway/,
    },
    {
      what: "istio-system says no network",
      mesh: relabelled(undefined),
      codes: ["network/label-differs"],
      says: /no network/,
    },
    {
      what: "a pod says another cluster's network",
      mesh: podsOfAsh(
        pod("hello-v2", "sample", { labels: { app: "hello", "topology.istio.io/network": "network1" } }),
      ),
      codes: ["network/label-differs"],
      says: /label pods hello-v2 topology\.istio\.io\/network=network2/,
    },
    {
      what: "a proxy was started for another network",
      mesh: podsOfAsh(
        pod("hello-v2", "sample", {
          labels: { app: "hello" },
          containers: [{ name: "istio-proxy", env: [{ name: "ISTIO_META_NETWORK", value: "network1" }] }],
        }),
      ),
      codes: ["network/label-differs"],
      says: /ISTIO_META_NETWORK network1/,
    },
    {
      what: "a gateway's Service says another network, and so leaves its own without a gateway",
      mesh: ash(() => ({
        services: [gatewayService("network1", "127.17.255.2"), service("hello", "sample")],
      })),
      codes: ["network/label-differs", "network/without-gateway"],
      says: /label service istio-eastwestgateway topology\.istio\.io\/network=network2/,
    },
    {
      what: "no gateway for pods that others call",
      mesh: ash(() => ({ services: [service("hello", "sample")] })),
      codes: ["network/without-gateway"],
      severity: "error",
      says: /hello\.sample in ash.*network2 has no gateway/s,
    },
    {
      what: "no gateway for pods that nobody else calls",
      mesh: {
        ...ash(
          () => ({ services: [] }),
          fra(() => ({ services: [gatewayService("network1", "127.16.255.2")] })),
        ),
      },
      codes: [],
    },
    {
      what: "a gateway that waits for its address",
      mesh: ash(() => ({ services: [gatewayService("network2", undefined), service("hello", "sample")] })),
      codes: ["network/gateway-without-address"],
      severity: "error",
      says: /has no address \(waiting\)/,
    },
    {
      what: "a gateway without pods",
      mesh: ash(({ pods }) => ({ pods: pods.filter(({ metadata }) => metadata.namespace === "sample") })),
      codes: ["gateway/no-ready-pods"],
      says: /services in network2 \(ash\)/,
    },
    {
      what: "a gateway of no replicas",
      mesh: ash(({ pods }) => ({
        pods: pods.filter(({ metadata }) => metadata.namespace === "sample"),
        deployments: [gatewayDeployment(0)],
      })),
      codes: ["gateway/no-ready-pods"],
      says: /scale deployment istio-eastwestgateway --replicas=1/,
    },
    {
      what: "an ingress gateway without pods",
      mesh: fra(({ services, gateways }) => ({
        services: [
          ...services,
          service("istio-ingressgateway", "istio-system", {
            spec: { selector: { istio: "ingressgateway" } },
            address: "127.16.255.3",
          }),
        ],
        gateways: [...gateways, ingress("demo", "ingressgateway")],
      })),
      codes: ["gateway/no-ready-pods"],
      says: /requests to 127\.16\.255\.3 get no answer/,
    },
  ],
  exposure: [
    {
      what: "no Gateway at all",
      mesh: withGateways(),
      codes: ["network/not-exposed", "network/not-exposed"],
    },
    {
      what: "another selector",
      mesh: withGateways(gatewayWith({ selector: { istio: "other" } })),
      codes: ["network/not-exposed", "network/not-exposed", "gateway/no-workload"],
    },
    {
      what: "another mode",
      mesh: withGateways(gatewayWith({ servers: [tlsServer(15443, "PASSTHROUGH")] })),
      codes: ["network/not-exposed", "network/not-exposed"],
    },
    {
      what: "another port",
      mesh: withGateways(gatewayWith({ servers: [tlsServer(443, "AUTO_PASSTHROUGH")] })),
      codes: ["network/not-exposed", "network/not-exposed", "gateway/port-not-in-service"],
    },
  ],
  injection: [
    {
      what: "a namespace lacks its label, and a pod its sidecar",
      mesh: withCluster(podsOfAsh(pod("hello-v2", "sample", bare)), "ash", () => withoutLabel()),
      codes: ["injection/label-missing"],
      severity: "warning",
      says: /1 pod in sample of ash are plaintext, and fra skips its endpoint.*label ns sample istio-injection=enabled --overwrite && .* delete pods hello-v2/s,
    },
    {
      what: "a namespace lacks its label, and its pods still have sidecars",
      mesh: ash(() => withoutLabel()),
      codes: ["injection/label-missing"],
      says: /new pods in sample of ash get no sidecar/,
    },
    {
      what: "injection is switched off on purpose",
      mesh: ash(() => withoutLabel({ "istio-injection": "disabled" })),
      codes: [],
    },
    {
      what: "the label names a revision",
      mesh: ash(() => withoutLabel({ "istio.io/rev": "default" })),
      codes: [],
    },
    {
      what: "a pod older than the label",
      mesh: podsOfAsh(pod("hello-v2", "sample", bare)),
      codes: ["injection/pod-without-sidecar"],
      severity: "warning",
    },
    {
      what: "a pod that wants none",
      mesh: podsOfAsh(
        pod("hello-v2", "sample", { ...bare, annotations: { "sidecar.istio.io/inject": "false" } }),
      ),
      codes: [],
    },
  ],
  services: [
    {
      what: "a Service is absent where its pods run",
      mesh: ash(({ services }) => ({ services: services.slice(0, 1) })),
      codes: ["service/missing-in-cluster"],
      severity: "error",
      says: /hello\.sample does not resolve in ash.*\(hello-v2\).*Service hello exists in fra only/s,
    },
    {
      what: "a Service is absent where none of its pods run",
      mesh: ash(({ services }) => ({ services: services.slice(0, 1) }), podsOfAsh()),
      codes: ["service/missing-in-cluster"],
      severity: "warning",
    },
    {
      what: "a Service that gateways lead to from outside need not be elsewhere",
      mesh: fra(({ services, gateways }) => ({
        services: [...services, service("page", "sample")],
        gateways: [...gateways, ingress("demo")],
        virtualServices: [
          rule("VirtualService", "page", {
            hosts: ["demo.example.com"],
            gateways: ["demo"],
            http: [{ route: [{ destination: { host: "page" } }] }],
          }),
        ],
      })),
      codes: [],
    },
    {
      what: "nor need one that serves such a Service of the same installation",
      mesh: fra(({ services, gateways }) => ({
        services: [
          ...services,
          service("page", "sample", { labels: { "app.kubernetes.io/instance": "shop" } }),
          service("store", "sample", { labels: { "app.kubernetes.io/instance": "shop" } }),
        ],
        gateways: [...gateways, ingress("demo")],
        virtualServices: [
          rule("VirtualService", "page", {
            hosts: ["demo.example.com"],
            gateways: ["demo"],
            http: [{ route: [{ destination: { host: "page" } }] }],
          }),
        ],
      })),
      codes: [],
    },
    {
      what: "a Service without pods of its own, and one of the system",
      mesh: fra(({ services }) => ({
        services: [
          ...services,
          service("elsewhere", "sample", { spec: { type: "ExternalName", externalName: "example.com" } }),
          service("istiod", "istio-system"),
        ],
      })),
      codes: [],
    },
    {
      what: "the same version in both clusters is nothing wrong",
      mesh: ash(({ pods }) => ({ pods: pods.map((one) => one) })),
      codes: [],
    },
  ],
  certificates: [
    ...(
      [
        ["page.example.com", "page.example.com"],
        ["sample/page.example.com", "other.example.com", "PAGE.example.com"],
        ["page.example.com", "*.example.com"],
        ["*.example.com", "*.example.com"],
        ["*", "page.example.com"],
        ["page.example.com"],
      ] as const
    ).map(([host, ...names]) => ({
      what: `a certificate for ${names.join(" and ") || "no name at all"} at ${host}`,
      mesh: secured(host, ...names),
      codes: [],
    })),
    {
      what: "a certificate for another host",
      mesh: secured("*/page.example.com", "other.example.com", "*.page.example.com"),
      codes: ["gateway/certificate-for-other-host", "gateway/certificate-for-other-host"],
      severity: "warning",
      says: /clients that check names refuse port 15443 for page\.example\.com at the gateway in fra.*is for other\.example\.com and \*\.page\.example\.com, not for page\.example\.com/s,
    },
    {
      what: "a name for one label more is none for two",
      mesh: secured("a.page.example.com", "*.example.com"),
      codes: ["gateway/certificate-for-other-host", "gateway/certificate-for-other-host"],
      severity: "warning",
    },
  ],
  traffic: [
    {
      what: "weights that sum to 100",
      mesh: virtualServices(rule("VirtualService", "hello", route(to("v1", 50), to("v2", 50)))),
      codes: [],
    },
    {
      what: "one destination without a weight",
      mesh: virtualServices(rule("VirtualService", "hello", route(to("v1")))),
      codes: [],
    },
    {
      what: "weights that sum to 40",
      mesh: virtualServices(rule("VirtualService", "hello", route(to("v1", 30), to("v2", 10)))),
      codes: ["traffic/weights-not-100"],
      severity: "warning",
      says: /75 % : 25 %.*http\[0\] of VirtualService sample\/hello in fra sum to 40/s,
    },
    {
      what: "a subset that no DestinationRule has",
      mesh: virtualServices(rule("VirtualService", "hello", route(to("v1", 50), to("v3", 50)))),
      codes: ["traffic/unknown-subset"],
      severity: "error",
      says: /503.*subset v3/s,
    },
    {
      what: "a mirror to a subset that no DestinationRule has",
      mesh: virtualServices(
        rule("VirtualService", "hello", {
          hosts: ["hello"],
          http: [{ route: [to("v1")], mirror: { host: "hello", subset: "v9" } }],
        }),
      ),
      codes: ["traffic/unknown-subset"],
    },
    {
      what: "subsets without any DestinationRule",
      mesh: withCluster(virtualServices(rule("VirtualService", "hello", route(to("v1")))), "fra", () => ({
        destinationRules: [],
      })),
      codes: ["traffic/unknown-subset"],
    },
    {
      what: "a DestinationRule for a wildcard has the subset",
      mesh: withCluster(virtualServices(rule("VirtualService", "hello", route(to("v1")))), "fra", () => ({
        destinationRules: [
          rule("DestinationRule", "all", { host: "*.sample.svc.cluster.local", subsets: [{ name: "v1" }] }),
        ],
      })),
      codes: [],
    },
    {
      what: "two VirtualServices for one host inside the mesh",
      mesh: virtualServices(
        rule("VirtualService", "younger", route(to("v1")), "2026-01-01T11:30:00Z"),
        rule("VirtualService", "older", { ...route(to("v2")), hosts: ["hello.sample.svc.cluster.local"] }),
      ),
      codes: ["virtual-service/conflicting-hosts"],
      severity: "error",
      says: /follow the routes of sample\/older alone/,
    },
    {
      what: "two VirtualServices for one host at one gateway",
      mesh: virtualServices(
        rule("VirtualService", "a", { ...atGateway, gateways: ["demo"] }),
        rule("VirtualService", "b", { ...atGateway, gateways: ["sample/demo"] }),
      ),
      codes: ["traffic/several-virtual-services"],
      says: /at sample\/demo/,
    },
    ...(
      [
        ["/shop", "/shop/cart", true],
        ["/shop", "/message", false],
      ] as const
    ).map(([path, other, meet]) => ({
      what: `two VirtualServices for one host at one gateway, for ${path} and ${other}`,
      mesh: virtualServices(
        ...[path, other].map((prefix, i) =>
          rule("VirtualService", `vs${i}`, {
            ...atGateway,
            gateways: ["demo"],
            http: [{ match: [{ uri: { prefix } }], route: [{ destination: { host: "hello" } }] }],
          }),
        ),
      ),
      codes: meet ? ["traffic/several-virtual-services"] : [],
    })),
    {
      what: "two VirtualServices for one host at two gateways",
      mesh: virtualServices(
        rule("VirtualService", "a", { ...atGateway, gateways: ["demo"] }),
        rule("VirtualService", "b", { ...atGateway, gateways: ["other"] }),
      ),
      codes: [],
    },
    {
      what: "an export that waits for its Service",
      mesh: ash(() => ({
        serviceExports: [
          {
            apiVersion: "multicluster.x-k8s.io/v1alpha1",
            kind: "ServiceExport",
            metadata: { name: "messanger", namespace: "sample" },
            status: {
              conditions: [
                {
                  type: "Ready",
                  status: "False",
                  reason: "NoService",
                  message: "waiting for Service messanger.sample",
                },
              ],
            },
          },
        ],
      })),
      codes: ["service-export/not-ready"],
      severity: "warning",
      says: /can't reach messanger\.sample of ash.*waiting for Service messanger\.sample.*create the Service/s,
    },
    {
      what: "two hosts with one address",
      mesh: fra(() => ({
        serviceEntries: ["one", "two"].map((name) =>
          rule("ServiceEntry", name, {
            hosts: [`${name}.example.com`],
            addresses: ["192.0.2.1"],
            location: "MESH_EXTERNAL",
            resolution: "DNS",
            ports: [{ number: 3306, name: "mysql", protocol: "TCP" }],
          }),
        ),
      })),
      codes: ["service-entry/address-clash"],
      severity: "warning",
      says: /connections to two\.example\.com may be taken for ones to one\.example\.com.*an address of its own/s,
    },
    {
      what: "rules in a remote cluster",
      mesh: ash(() => ({
        virtualServices: [rule("VirtualService", "hello", route(to("v3", 1), to("v4", 1)))],
        destinationRules: [subsets],
      })),
      codes: ["traffic/ignored-on-remote"],
      severity: "warning",
      says: /VirtualService sample\/hello and DestinationRule sample\/hello in ash have no effect.*ash is remote: Istio reads configuration from fra/s,
    },
  ],
};

for (const [name, list] of Object.entries(cases)) {
  suite(`checks: ${name}`, () => {
    for (const { what, mesh, codes, severity, says } of list) {
      test(`${what}: ${codes.join(", ") || "no finding"}`, () => {
        const findings = found(mesh);
        assert.deepEqual(
          findings.map(({ code }) => code),
          codes,
          JSON.stringify(findings, undefined, 2),
        );
        const [first] = findings;
        if (severity !== undefined) assert.equal(first?.severity, severity);
        if (says !== undefined)
          assert.match(
            [first?.effect, first?.cause, ...(first?.evidence ?? []), first?.fix].join("\n"),
            says,
          );
        for (const { evidence } of findings) assert.ok(evidence.length > 0);
      });
    }
  });
}

suite("checks without networks", () => {
  test("a flat mesh needs neither gateways nor labels", () => {
    const flat: MeshView = {
      ...healthy,
      clusters: healthy.clusters.map((one) => ({
        ...one,
        network: undefined,
        gateways: [],
        services: one.services.filter(({ metadata }) => metadata.name === "hello"),
        endpointSlices: [],
      })),
    };
    assert.deepEqual(found(flat), []);
  });
});
