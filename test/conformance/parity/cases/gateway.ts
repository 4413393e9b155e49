import type { Case } from "../case.ts";

const server = (fields: string) => `---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: front, namespace: shop}
spec: {selector: {istio: ingressgateway}, servers: [${fields}]}
`;
const route = (hosts: string, http: string, name = "front") => `---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: ${name}, namespace: shop}
spec: {hosts: [${hosts}], gateways: [front], http: ${http}}
`;
const http = '{port: {number: 80, name: http, protocol: HTTP}, hosts: ["*"]}';
const simple =
  "{port: {number: 443, name: https, protocol: HTTPS}, hosts: [shop.example.com], tls: {mode: SIMPLE, credentialName: shop-cert}}";
const toSolo = "[{route: [{destination: {host: solo}}]}]";
const open = server(http) + route('"*"', toSolo);
const shop = "shop.example.com";

/** Gateways: plain and TLS servers, who gets in, and what they tell apps about clients. */
export const gatewayCases: readonly Case[] = [
  {
    name: "a gateway tells apps about clients, and clients nothing about apps",
    proxy: "gateway",
    objects: open,
    steps: [
      {
        ask: `GET ${shop}/x`,
        answer: {
          status: 200,
          app: "s",
          headers: { server: "istio-envoy" },
          seen: {
            host: shop,
            headers: {
              "x-forwarded-for": "127.B.1.4",
              "x-forwarded-proto": "http",
              "x-envoy-internal": null,
              "x-envoy-external-address": "127.B.1.4",
              "x-request-id": "<uuid>",
              "x-envoy-attempt-count": "1",
            },
          },
        },
      },
    ],
  },
  {
    name: "a client can't pass itself off as somebody else at a gateway",
    proxy: "gateway",
    objects: open,
    steps: [
      {
        ask: `GET ${shop}/`,
        headers: {
          "x-forwarded-for": "10.9.9.9",
          "x-forwarded-proto": "https",
          "x-forwarded-client-cert": "By=me;URI=spiffe://cluster.local/ns/shop/sa/admin",
          "x-envoy-external-address": "1.2.3.4",
          "x-envoy-internal": "true",
          "x-envoy-peer-metadata": "abc",
          "x-request-id": "chosen",
          "x-envoy-retry-on": "5xx",
          "x-envoy-decorator-operation": "mine",
          "x-envoy-original-path": "/admin",
          "x-envoy-original-host": "admin",
        },
        answer: {
          status: 200,
          seen: {
            headers: {
              "x-forwarded-for": "10.9.9.9,127.B.1.4",
              "x-forwarded-proto": "http",
              "x-forwarded-client-cert": null,
              "x-envoy-retry-on": null,
            },
          },
        },
      },
    ],
  },
  {
    name: "hosts without a route get 404 at a gateway, whatever their port and case",
    proxy: "gateway",
    objects: server(http) + route("shop.example.com, '*.wild.example.com'", toSolo),
    steps: [
      { ask: "GET shop.example.com/", answer: { status: 200 } },
      { ask: "GET shop.example.com:8080/", answer: { status: 200 } },
      { ask: "GET Shop.Example.COM/", answer: { status: 200 } },
      { ask: "GET a.wild.example.com/", answer: { status: 200 } },
      { ask: "GET a.b.wild.example.com/", answer: { status: 200 } },
      { ask: "GET wild.example.com/", answer: { status: 404, flags: "NR" } },
      {
        ask: "GET other.example.com/",
        answer: { status: 404, body: "", flags: "NR", headers: { server: "istio-envoy" } },
      },
      { ask: "GET shop.example.com.evil.com/", answer: { status: 404, flags: "NR" } },
    ],
  },
  {
    name: "a gateway's port without a route answers 404",
    proxy: "gateway",
    objects: server(http),
    steps: [{ ask: `GET ${shop}/`, answer: { status: 404, flags: "NR" } }],
  },
  {
    name: "httpsRedirect sends clients to https",
    proxy: "gateway",
    objects:
      server('{port: {number: 80, name: http, protocol: HTTP}, hosts: ["*"], tls: {httpsRedirect: true}}') +
      route('"*"', toSolo),
    steps: [
      {
        ask: `GET ${shop}/x?y=z`,
        answer: { status: 301, app: "", headers: { location: `https://${shop}/x?y=z` } },
      },
      {
        ask: `GET ${shop}:8080/`,
        answer: { status: 301, headers: { location: new RegExp(`^https://${shop}`) } },
      },
    ],
  },
  {
    name: "TLS ends at a gateway, for the names that it serves",
    proxy: "gateway",
    objects: server(simple) + route(shop, toSolo),
    steps: [
      {
        ask: `GET ${shop}/`,
        to: ":8443",
        tls: { sni: shop },
        answer: {
          status: 200,
          app: "s",
          seen: { headers: { "x-forwarded-proto": "https" } },
          log: { sni: shop },
        },
      },
      {
        ask: `GET ${shop}/`,
        to: ":8443",
        tls: { sni: "other.example.com" },
        answer: { status: 0, flags: "NR" },
      },
      {
        ask: `GET ${shop}/`,
        to: ":8443",
        tls: { sni: shop, maxVersion: "TLSv1.2" },
        answer: { status: 200 },
      },
      {
        ask: `GET other.example.com/`,
        to: ":8443",
        tls: { sni: shop },
        answer: { status: 404, flags: "NR" },
      },
    ],
  },
  {
    name: "clients of HTTP/2 are served after ALPN",
    proxy: "gateway",
    objects: server(simple) + route(shop, toSolo),
    steps: [
      {
        ask: `GET ${shop}/a`,
        to: ":8443",
        http2: true,
        tls: { sni: shop, alpn: ["h2", "http/1.1"] },
        answer: { status: 200, app: "s", log: { protocol: "HTTP/2" } },
      },
      {
        ask: `GET ${shop}/b`,
        to: ":8443",
        tls: { sni: shop, alpn: ["http/1.1"] },
        answer: { status: 200, log: { protocol: "HTTP/1.1" } },
      },
    ],
  },
  {
    name: "several servers share a port, each with its certificate and routes",
    proxy: "gateway",
    objects:
      server(
        `${simple}, {port: {number: 443, name: vendor, protocol: HTTPS}, hosts: [vendor.example.com], tls: {mode: SIMPLE, credentialName: vendor-cert}}`,
      ) +
      route(shop, toSolo) +
      route("vendor.example.com", "[{route: [{destination: {host: other, port: {number: 80}}}]}]", "vendor"),
    steps: [
      { ask: `GET ${shop}/`, to: ":8443", tls: { sni: shop }, answer: { status: 200, app: "s" } },
      {
        ask: "GET vendor.example.com/",
        to: ":8443",
        tls: { sni: "vendor.example.com" },
        answer: { status: 200, app: "o" },
      },
      {
        ask: "GET vendor.example.com/",
        to: ":8443",
        tls: { sni: shop },
        answer: { status: 404, flags: "NR" },
      },
    ],
  },
  {
    name: "MUTUAL wants a client's certificate, and tells the app about it",
    proxy: "gateway",
    objects:
      server(
        `{port: {number: 443, name: https, protocol: HTTPS}, hosts: [${shop}], tls: {mode: MUTUAL, credentialName: shop-mutual}}`,
      ) + route(shop, toSolo),
    steps: [
      {
        ask: `GET ${shop}/`,
        to: ":8443",
        tls: { sni: shop, as: "spiffe://cluster.local/ns/shop/sa/caller" },
        answer: {
          status: 200,
          seen: {
            headers: {
              "x-forwarded-client-cert":
                /Hash=[0-9a-f]{64};.*Cert="-----BEGIN.*URI=spiffe:\/\/cluster\.local\/ns\/shop\/sa\/caller/,
            },
          },
          log: { peer: "spiffe://cluster.local/ns/shop/sa/caller" },
        },
      },
      { ask: `GET ${shop}/`, to: ":8443", tls: { sni: shop }, logs: 0, answer: { status: 0 } },
      {
        ask: `GET ${shop}/`,
        to: ":8443",
        tls: { sni: shop, as: "spiffe://cluster.local/ns/shop/sa/caller", stranger: true },
        logs: 0,
        answer: { status: 0 },
      },
    ],
  },
  {
    name: "plain HTTP on a TLS port is refused",
    proxy: "gateway",
    objects: server(simple) + route(shop, toSolo),
    steps: [{ ask: `GET ${shop}/`, to: ":8443", answer: { status: 0, flags: "NR" } }],
  },
  {
    name: "the lowest version of TLS that a server allows is kept to",
    proxy: "gateway",
    objects:
      server(
        `{port: {number: 443, name: https, protocol: HTTPS}, hosts: [${shop}], tls: {mode: SIMPLE, credentialName: shop-cert, minProtocolVersion: TLSV1_3}}`,
      ) + route(shop, toSolo),
    steps: [
      {
        ask: `GET ${shop}/`,
        to: ":8443",
        tls: { sni: shop, maxVersion: "TLSv1.2" },
        logs: 0,
        answer: { status: 0 },
      },
      { ask: `GET ${shop}/`, to: ":8443", tls: { sni: shop }, answer: { status: 200 } },
    ],
  },
  {
    name: "PASSTHROUGH leads TLS on by its name",
    proxy: "gateway",
    objects: `${server("{port: {number: 443, name: tls, protocol: TLS}, hosts: [secure.example.com], tls: {mode: PASSTHROUGH}}")}---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: front, namespace: shop}
spec: {hosts: [secure.example.com], gateways: [front], tls: [{match: [{port: 443, sniHosts: [secure.example.com]}], route: [{destination: {host: outside.example.com, port: {number: 443}}}]}]}
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: outside, namespace: shop}
spec: {hosts: [outside.example.com], ports: [{number: 443, name: tls, protocol: TLS}], resolution: STATIC, location: MESH_EXTERNAL, endpoints: [{address: 127.B.1.37, ports: {tls: 8443}}]}
`,
    steps: [
      {
        ask: "GET secure.example.com/",
        to: ":8443",
        tls: { sni: "secure.example.com" },
        answer: {
          status: 200,
          app: "h",
          log: { sni: "secure.example.com", cluster: "outbound|443||outside.example.com" },
        },
      },
      {
        ask: "GET secure.example.com/",
        to: ":8443",
        tls: { sni: "other.example.com" },
        answer: { status: 0, flags: "NR" },
      },
    ],
  },
  {
    name: "AUTO_PASSTHROUGH leads mTLS to the cluster that its name says",
    proxy: "gateway",
    objects: server(
      '{port: {number: 15443, name: tls, protocol: TLS}, hosts: ["*.local"], tls: {mode: AUTO_PASSTHROUGH}}',
    ),
    steps: [
      {
        ask: "GET secure/",
        to: ":15443",
        tls: {
          sni: "outbound_.80_._.secure.shop.svc.cluster.local",
          as: "spiffe://cluster.local/ns/shop/sa/caller",
          alpn: ["istio"],
        },
        answer: { status: 200, app: "m", log: { sni: "outbound_.80_._.secure.shop.svc.cluster.local" } },
      },
      {
        ask: "GET secure/",
        to: ":15443",
        tls: { sni: "outbound_.80_._.nobody.shop.svc.cluster.local", alpn: ["istio"] },
        answer: { status: 0, flags: "NR" },
      },
      {
        ask: "GET secure/",
        to: ":15443",
        tls: { sni: "secure.example.com", alpn: ["istio"] },
        answer: { status: 0, flags: "NR" },
      },
    ],
  },
  {
    name: "TCP servers lead on by port",
    proxy: "gateway",
    objects: `${server('{port: {number: 9000, name: tcp, protocol: TCP}, hosts: ["*"]}')}---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: front, namespace: shop}
spec: {hosts: ["*"], gateways: [front], tcp: [{match: [{port: 9000}], route: [{destination: {host: tcp, subset: v1}}]}]}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: tcp, namespace: shop}
spec: {host: tcp, subsets: [{name: v1, labels: {version: v1}}]}
`,
    steps: [
      {
        tcp: "ping",
        to: ":9000",
        answer: { text: "t:ping", log: { cluster: "outbound|9000|v1|tcp.shop.svc.cluster.local" } },
      },
    ],
  },
  {
    name: "TLS ends at a TCP server of a gateway",
    proxy: "gateway",
    objects: `${server(`{port: {number: 443, name: tls, protocol: TLS}, hosts: [${shop}], tls: {mode: SIMPLE, credentialName: shop-cert}}`)}---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: front, namespace: shop}
spec: {hosts: [${shop}], gateways: [front], tcp: [{match: [{port: 443}], route: [{destination: {host: tcp, subset: v2}}]}]}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: tcp, namespace: shop}
spec: {host: tcp, subsets: [{name: v2, labels: {version: v2}}]}
`,
    steps: [{ tcp: "ping", to: ":8443", tls: { sni: shop }, answer: { text: "u:ping", log: { sni: shop } } }],
  },
  {
    name: "a gateway reads HTTP strictly: versions, paths and first lines",
    proxy: "gateway",
    objects: open,
    steps: [
      {
        send: "GET / HTTP/1.0\r\nhost: a\r\n\r\n",
        answers: [{ status: 426, flags: "DPE", log: { details: "low_version" } }],
        closes: true,
      },
      {
        send: "GET HTTP/1.1\r\nhost: a\r\n\r\n",
        answers: [{ status: 400, flags: "DPE", log: { details: "http1.codec_error" } }],
        closes: true,
      },
      { send: "GET / SMTP/1.1\r\nhost: a\r\n\r\n", answers: [{ status: 400, flags: "DPE" }], closes: true },
      { send: "GET / HTTP/9.9\r\nhost: a\r\n\r\n", answers: [{ status: 426, flags: "DPE" }], closes: true },
      {
        send: "GET /\u00e9 HTTP/1.1\r\nhost: a\r\n\r\n",
        answers: [{ status: 400, flags: "DPE" }],
        closes: true,
      },
      { send: "GET a/b HTTP/1.1\r\nhost: a\r\n\r\n", answers: [{ status: 400, app: "", flags: "DPE" }] },
      {
        send: "OPTIONS * HTTP/1.1\r\nhost: a\r\n\r\n",
        answers: [{ status: 404, app: "", log: { details: "absolute_path_rejected" } }],
      },
      {
        send: "\r\n\r\nGET /x HTTP/1.1\r\nhost: a\r\n\r\n",
        answers: [{ status: 200, app: "s", seen: { path: "/x" } }],
      },
    ],
  },
];
