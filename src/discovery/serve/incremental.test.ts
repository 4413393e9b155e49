import assert from "node:assert/strict";
import { suite, test } from "vitest";
import type { KubeObject } from "../../kube/index.ts";
import { typeUrls } from "../../xds/index.ts";
import type { WorldObjects } from "../translate/objects.ts";
import { makeSnapshot, type ProxySnapshot } from "../translate/snapshot.ts";
import {
  objectsOf,
  parseObjects,
  proxyOf,
  putObject,
  service,
} from "../translate/test-support/make-world.ts";
import { createWorld, updateWorld, type World } from "../translate/world.ts";
import { encodeResource } from "./encode.ts";
import { resourcesOf } from "./watch.ts";

const ignore = () => {};

/** Versions of every resource: two snapshots with the same ones would be the same on the wire. */
function versions(snapshot: ProxySnapshot): Record<string, Record<string, string>> {
  return Object.fromEntries(
    Object.entries(typeUrls).map(([type, typeUrl]) => [
      type,
      Object.fromEntries(
        [...resourcesOf(snapshot, typeUrl)].map(([name, message]) => [
          name,
          encodeResource(typeUrl, message).version,
        ]),
      ),
    ]),
  );
}

/** Several forms of each object that a change may turn into one another. */
const variants: readonly (readonly KubeObject[])[] = [
  service("web", ["10.1.0.1"]) +
    service("web", ["10.1.0.1", "10.1.0.2"], "{name: http, port: 80}, {name: tcp-a, port: 90}"),
  service("api", ["10.1.0.5"]) + service("api", ["10.1.0.6"], "{name: grpc, port: 80}"),
  service("db", ["10.1.0.7"], "{name: tcp, port: 5432}"),
  `
apiVersion: v1
kind: Pod
metadata: {name: web-1, namespace: sample, labels: {app: web, version: v1, security.istio.io/tlsMode: istio}}
spec: {nodeName: n1, serviceAccountName: web, containers: []}
status: {podIP: 10.1.0.1, phase: Running}
---
apiVersion: v1
kind: Pod
metadata: {name: web-1, namespace: sample, labels: {app: web, version: v2}}
spec: {nodeName: n1, serviceAccountName: other, containers: []}
status: {podIP: 10.1.0.1, phase: Running}
`,
  `
apiVersion: v1
kind: Node
metadata: {name: n1, labels: {topology.kubernetes.io/region: r1, topology.kubernetes.io/zone: z1}}
---
apiVersion: v1
kind: Node
metadata: {name: n1, labels: {topology.kubernetes.io/region: r2, topology.kubernetes.io/zone: z1}}
`,
  `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: web, namespace: sample}
spec: {host: web, subsets: [{name: v1, labels: {version: v1}}], trafficPolicy: {outlierDetection: {}}}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: web, namespace: sample}
spec: {host: web, trafficPolicy: {tls: {mode: DISABLE}, loadBalancer: {consistentHash: {httpHeaderName: who}}}}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: web, namespace: sample}
spec: {host: "*.sample.svc.cluster.local", workloadSelector: {matchLabels: {app: client}}, trafficPolicy: {connectionPool: {tcp: {maxConnections: 3}}}}
`,
  `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web, namespace: sample}
spec: {hosts: [web], http: [{route: [{destination: {host: api}}]}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web, namespace: sample}
spec: {hosts: [web, shop.example.com], gateways: [mesh, edge], http: [{match: [{sourceLabels: {app: client}}], route: [{destination: {host: web, subset: v1}}]}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web, namespace: sample}
spec: {hosts: [db], tcp: [{route: [{destination: {host: web, port: {number: 80}}}]}]}
`,
  `
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge, namespace: sample}
spec: {selector: {istio: edge}, servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ["*.example.com"]}]}
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge, namespace: sample}
spec: {selector: {istio: edge}, servers: [{port: {number: 15443, name: tls, protocol: TLS}, hosts: ["*.local"], tls: {mode: AUTO_PASSTHROUGH}}]}
`,
  `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: out, namespace: sample}
spec: {hosts: [out.example.org], ports: [{number: 80, name: http, protocol: HTTP}], resolution: STATIC, endpoints: [{address: 1.2.3.4}]}
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: out, namespace: sample}
spec: {hosts: [out.example.org], ports: [{number: 80, name: http, protocol: HTTP}], resolution: DNS, location: MESH_INTERNAL}
`,
  `
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: default, namespace: sample}
spec: {mtls: {mode: STRICT}}
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: default, namespace: sample}
spec: {mtls: {mode: DISABLE}}
`,
  `
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: only, namespace: sample}
spec: {rules: [{from: [{source: {principals: [cluster.local/ns/sample/sa/web]}}]}]}
`,
  `
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: {name: default, namespace: sample}
spec: {egress: [{hosts: ["./web.sample.svc.cluster.local"]}]}
---
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: {name: default, namespace: sample}
spec: {outboundTrafficPolicy: {mode: REGISTRY_ONLY}}
`,
  `
apiVersion: v1
kind: Service
metadata: {name: eastwest, namespace: istio-system, labels: {topology.istio.io/network: n2}}
spec: {type: LoadBalancer, clusterIP: 10.96.9.1, ports: [{name: tls, port: 15443}]}
status: {loadBalancer: {ingress: [{ip: 172.18.0.1}]}}
---
apiVersion: v1
kind: Service
metadata: {name: eastwest, namespace: istio-system, labels: {topology.istio.io/network: n2}}
spec: {type: LoadBalancer, clusterIP: 10.96.9.1, ports: [{name: tls, port: 15443}]}
status: {loadBalancer: {ingress: [{ip: 172.18.0.1}, {ip: 172.18.0.2}]}}
`,
  `
apiVersion: v1
kind: Namespace
metadata: {name: istio-system, labels: {topology.istio.io/network: n1}}
---
apiVersion: v1
kind: Namespace
metadata: {name: istio-system, labels: {topology.istio.io/network: n2}}
`,
].map(parseObjects);
const meshes = [
  "",
  "connectTimeout: 3s",
  "enableAutoMtls: false",
  "outboundTrafficPolicy: {mode: REGISTRY_ONLY}",
  "defaultHttpRetryPolicy: {attempts: 7}",
  "accessLogFile: /dev/stdout",
  "localityLbSetting: {enabled: false}",
  "defaultTrafficPolicy: {connectionPool: {tcp: {maxConnections: 9}}}",
  "trustDomainAliases: [old.example]",
  "rootNamespace: sample",
  "serviceSettings: [{settings: {clusterLocal: true}, hosts: [web.sample.svc.cluster.local]}]",
];

/** Numbers that look random and are the same in every run. */
function* numbers(seed: number): Generator<number, never> {
  let state = seed;
  for (;;) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    yield state / 2 ** 32;
  }
}

const proxies = [
  proxyOf({ labels: { app: "client" }, locality: "r1/z1" }),
  proxyOf({ name: "web-1", address: "10.1.0.1", labels: { app: "web" } }),
  proxyOf({ type: "router", name: "edge-1", labels: { istio: "edge" } }),
];

/** The World of the same objects, with nothing of what was made before. */
function fromScratch(objects: WorldObjects): World {
  return createWorld(structuredClone(objects), ignore);
}

suite("making configuration from what was made before", () => {
  test.each([1, 2, 3])("gives what making it anew gives, whatever changed (walk %i)", (seed) => {
    const random = numbers(seed);
    const pick = <T>(items: readonly T[]): T => {
      const item = items[Math.floor(random.next().value * items.length)];
      assert.ok(item !== undefined);
      return item;
    };
    const objects = objectsOf("");
    let world = createWorld(objects, ignore);
    for (let step = 0; step < 120; step++) {
      let what: string;
      if (random.next().value < 0.1) {
        objects.mesh = pick(meshes);
        what = `mesh ${objects.mesh}`;
        world = updateWorld(
          world,
          { hosts: new Set(), pods: new Set(), rules: true, allEndpoints: false },
          ignore,
        );
      } else {
        const object = structuredClone(pick(pick(variants)));
        const isGone = random.next().value < 0.25;
        what = `${isGone ? "without" : "with"} ${object.kind} ${object.metadata.name}`;
        world = updateWorld(world, putObject(objects, object, isGone), ignore);
      }
      const anew = fromScratch(objects);
      for (const proxy of proxies) {
        assert.deepEqual(
          versions(makeSnapshot(world, proxy, ignore)),
          versions(makeSnapshot(anew, proxy, ignore)),
          `step ${step}, ${what}, for ${proxy.name}`,
        );
      }
    }
  });

  test("keeps what does not depend on a rule that changed", () => {
    const [proxy] = proxies;
    assert.ok(proxy);
    const objects = objectsOf(service("web", ["10.1.0.1"]) + service("other", ["10.1.0.5"]));
    const world = createWorld(objects, ignore);
    const before = makeSnapshot(world, proxy, ignore);
    const [rule] = parseObjects(`
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web, namespace: sample}
spec: {hosts: [web], http: [{timeout: 1s, route: [{destination: {host: web}}]}]}
`);
    assert.ok(rule);
    const after = makeSnapshot(updateWorld(world, putObject(objects, rule), ignore), proxy, ignore);
    for (const [name, assignment] of before.endpoints) assert.equal(after.endpoints.get(name), assignment);
    for (const name of before.endpoints.keys())
      assert.equal(after.clusters.get(name), before.clusters.get(name));
    const hosts = (snapshot: ProxySnapshot) =>
      new Map(snapshot.routes.get("80")?.virtualHosts.map((host) => [host.name, host]));
    const other = "other.sample.svc.cluster.local:80";
    const web = "web.sample.svc.cluster.local:80";
    assert.equal(hosts(after).get(other), hosts(before).get(other));
    assert.notEqual(hosts(after).get(web), hosts(before).get(web));
  });
});
