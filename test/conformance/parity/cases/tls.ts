import type { Case } from "../case.ts";
import { destinationRule } from "./objects.ts";

const tls = (host: string, fields: string) => destinationRule(host, `trafficPolicy: {tls: {${fields}}}`);
const outside = (resolution = "STATIC") => `---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: outside, namespace: shop}
spec: {hosts: [secure.example.com], ports: [{number: 80, name: http, protocol: HTTP, targetPort: 8443}], resolution: ${resolution}, location: MESH_EXTERNAL, endpoints: [{address: 127.B.1.37}]}
`;
const over = { to: "127.B.128.12:80" };

/** TLS that a sidecar begins, and what becomes of TLS and TCP that pass it. */
export const tlsCases: readonly Case[] = [
  {
    name: "mTLS begins by itself towards pods that have it",
    proxy: "client",
    steps: [
      {
        ask: "GET secure/",
        answer: { status: 200, app: "m", seen: { host: "secure" } },
      },
    ],
  },
  {
    name: "DISABLE speaks plain text to a pod that wants mTLS, which breaks off",
    proxy: "client",
    objects: tls("secure", "mode: DISABLE"),
    steps: [{ ask: "GET secure/", answer: { status: 503, flags: "UC" } }],
  },
  {
    name: "ISTIO_MUTUAL towards a pod without TLS fails to connect",
    proxy: "client",
    objects: tls("solo", "mode: ISTIO_MUTUAL"),
    steps: [
      {
        ask: "GET solo/",
        answer: {
          status: 503,
          flags: "URX,UF",
          app: "",

          log: { transportFailure: /TLS_error/ },
        },
      },
    ],
  },
  {
    name: "SIMPLE begins TLS of the ordinary kind",
    proxy: "client",
    objects:
      outside() +
      tls("secure.example.com", "mode: SIMPLE, sni: secure.example.com, insecureSkipVerify: true"),
    steps: [
      {
        ask: "GET secure.example.com/",
        ...over,
        answer: { status: 200, app: "h", seen: { host: "secure.example.com" } },
      },
    ],
  },
  {
    name: "TLS of the app's own passes by its name",
    proxy: "client",
    objects: `---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: outside, namespace: shop}
spec: {hosts: [secure.example.com], ports: [{number: 443, name: tls, protocol: TLS, targetPort: 8443}], resolution: STATIC, location: MESH_EXTERNAL, endpoints: [{address: 127.B.1.37}]}
`,
    steps: [
      {
        ask: "GET secure.example.com/",
        to: "127.B.9.9:443",
        tls: { sni: "secure.example.com" },
        answer: {
          status: 200,
          app: "h",
          log: { cluster: "outbound|443||secure.example.com", sni: "secure.example.com" },
        },
      },
    ],
  },
  {
    name: "TLS routes of a VirtualService choose by name",
    proxy: "client",
    objects: `---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: outside, namespace: shop}
spec: {hosts: [secure.example.com, two.example.com], ports: [{number: 443, name: tls, protocol: TLS, targetPort: 8443}], resolution: STATIC, location: MESH_EXTERNAL, endpoints: [{address: 127.B.1.37}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: outside, namespace: shop}
spec: {hosts: [two.example.com], tls: [{match: [{port: 443, sniHosts: [two.example.com]}], route: [{destination: {host: secure.example.com, port: {number: 443}}}]}]}
`,
    steps: [
      {
        ask: "GET two.example.com/",
        to: "127.B.9.9:443",
        tls: { sni: "two.example.com" },
        answer: { status: 200, app: "h", log: { cluster: "outbound|443||secure.example.com" } },
      },
    ],
  },
  {
    name: "TCP reaches its service, and is shared by weights",
    proxy: "client",
    objects: `---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: tcp, namespace: shop}
spec: {hosts: [tcp], tcp: [{match: [{port: 9000}], route: [{destination: {host: tcp, subset: v1}, weight: 0}, {destination: {host: tcp, subset: v2}, weight: 100}]}]}
${destinationRule("tcp", "subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v2}}]")}`,
    steps: [
      {
        tcp: "hello there",
        to: "127.B.128.15:9000",
        answer: {
          text: "u:hello there",
          log: { cluster: "outbound|9000|v2|tcp.shop.svc.cluster.local", received: 11, sent: 13 },
        },
      },
    ],
  },
  {
    name: "TCP to a service without pods ends at once",
    proxy: "client",
    objects:
      destinationRule("tcp", "subsets: [{name: v9, labels: {version: v9}}]") +
      `---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: tcp, namespace: shop}
spec: {hosts: [tcp], tcp: [{route: [{destination: {host: tcp, subset: v9}}]}]}
`,
    steps: [{ tcp: "hello there", to: "127.B.128.15:9000", answer: { text: "", flags: "UH" } }],
  },
  {
    name: "TCP to an address where nobody listens ends at once",
    proxy: "client",
    objects: `---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: outside, namespace: shop}
spec: {hosts: [db.example.com], addresses: [127.B.77.1], ports: [{number: 5432, name: tcp, protocol: TCP}], resolution: STATIC, location: MESH_EXTERNAL, endpoints: [{address: 127.B.1.39}]}
`,
    steps: [{ tcp: "hello there", to: "127.B.77.1:5432", answer: { text: "", flags: "UF,URX" } }],
  },
  {
    name: "an app that resets a TCP connection ends it",
    proxy: "client",
    apps: { t: ["reset"] },
    objects:
      destinationRule("tcp", "subsets: [{name: v1, labels: {version: v1}}]") +
      `---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: tcp, namespace: shop}
spec: {hosts: [tcp], tcp: [{route: [{destination: {host: tcp, subset: v1}}]}]}
`,
    steps: [{ tcp: "hello there", to: "127.B.128.15:9000", answer: { text: "", flags: "UR" } }],
  },
];
