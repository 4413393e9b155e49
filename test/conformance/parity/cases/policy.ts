import type { Case, HttpStep, TlsClient } from "../case.ts";

const peer = (mode: string, more = "") => `---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: server, namespace: shop}
spec: {selector: {matchLabels: {app: server}}, mtls: {mode: ${mode}}${more}}
`;
const policy = (action: string, rules: string, name = "server", more = "") => `---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: ${name}, namespace: shop${more}}
spec: {selector: {matchLabels: {app: server}}, action: ${action}, rules: ${rules}}
`;

const as = (account: string, namespace = "shop"): TlsClient => ({
  sni: "outbound_.80_._.server.shop.svc.cluster.local",
  alpn: ["istio-http/1.1", "istio", "http/1.1"],
  as: `spiffe://cluster.local/ns/${namespace}/sa/${account}`,
});
const caller = as("caller");
const peerExchange: TlsClient = { ...caller, alpn: ["istio-peer-exchange", "istio"] };
type More = Partial<HttpStep>;
const allowed = (ask: string, more: More = {}): HttpStep => ({
  ask,
  tls: caller,
  answer: { status: 200, app: "i" },
  ...more,
});
const denied = (ask: string, more: More = {}): HttpStep => ({
  ask,
  tls: caller,
  answer: {
    status: 403,
    body: "RBAC: access denied",
    app: "",
    headers: { "content-type": "text/plain", server: "istio-envoy" },
    log: { details: /^rbac_access_denied_matched_policy\[/ },
  },
  ...more,
});

/** The step over plain text. */
const plainly = ({ tls: _, ...step }: HttpStep): HttpStep => step;

/** Who gets into a pod: PeerAuthentication and AuthorizationPolicy at its sidecar. */
export const policyCases: readonly Case[] = [
  {
    name: "an app hears of a mesh caller's identity, and the caller of the app's server",
    proxy: "server",
    steps: [
      {
        ask: "GET server/hello",
        tls: caller,
        headers: { "x-envoy-decorator-operation": "server.shop.svc.cluster.local:80/*" },
        answer: {
          status: 200,
          body: "i",
          app: "i",
          headers: { server: "istio-envoy", "x-envoy-decorator-operation": null },
          seen: {
            headers: {
              "x-forwarded-client-cert":
                /^By=spiffe:\/\/cluster\.local\/ns\/shop\/sa\/server;Hash=[0-9a-f]{64};Subject="";URI=spiffe:\/\/cluster\.local\/ns\/shop\/sa\/caller$/,
              "x-forwarded-proto": "https",
              "x-envoy-decorator-operation": null,
            },
          },
          log: { cluster: "inbound|8080||", peer: "spiffe://cluster.local/ns/shop/sa/caller" },
        },
      },
    ],
  },
  {
    name: "plain text is let in by default, and the caller is told the operation",
    proxy: "server",
    steps: [
      {
        ask: "GET server/",
        headers: {
          "x-forwarded-client-cert": "By=me;URI=spiffe://cluster.local/ns/shop/sa/admin",
          "x-forwarded-for": "10.1.2.3",
        },
        answer: {
          status: 200,
          app: "i",
          headers: { "x-envoy-decorator-operation": "server.shop.svc.cluster.local:80/*" },
          seen: { headers: { "x-forwarded-client-cert": null, "x-forwarded-for": "10.1.2.3" } },
        },
      },
    ],
  },
  {
    name: "a mesh caller's own client certificates are appended to",
    proxy: "server",
    steps: [
      {
        ask: "GET server/",
        tls: caller,
        headers: { "x-forwarded-client-cert": "By=a;Hash=b" },
        answer: { status: 200, seen: { headers: { "x-forwarded-client-cert": /^By=a;Hash=b,By=spiffe/ } } },
      },
    ],
  },
  {
    name: "STRICT refuses plain text and lets the mesh in",
    proxy: "server",
    objects: peer("STRICT"),
    steps: [
      allowed("GET server/"),
      { ask: "GET server/", answer: { status: 0, flags: "NR" } },
      { ask: "GET server/", tls: { ...caller, stranger: true }, logs: 0, answer: { status: 0 } },
      {
        ask: "GET server/",
        tls: { sni: caller.sni ?? "", alpn: caller.alpn ?? [] },
        logs: 0,
        answer: { status: 0 },
      },
    ],
  },
  {
    name: "PERMISSIVE lets both in, and TLS of the app's own too",
    proxy: "server",
    objects: peer("PERMISSIVE"),
    steps: [allowed("GET server/"), { ask: "GET server/", answer: { status: 200, app: "i" } }],
  },
  {
    name: "DISABLE takes plain text only",
    proxy: "server",
    objects: peer("DISABLE"),
    steps: [{ ask: "GET server/", answer: { status: 200, app: "i" } }],
  },
  {
    name: "a port may be set apart from the rest",
    proxy: "server",
    objects: peer("STRICT", ", portLevelMtls: {'8080': {mode: PERMISSIVE}}"),
    steps: [
      { ask: "GET server/", answer: { status: 200, app: "i" } },
      { tcp: "hello there", to: ":9000", answer: { text: "", flags: "NR" } },
    ],
  },
  {
    name: "STRICT holds for TCP too",
    proxy: "server",
    objects: peer("STRICT"),
    steps: [
      {
        tcp: "hello there",
        to: ":9000",
        tls: { ...caller, alpn: ["istio-peer-exchange", "istio"] },
        answer: { text: "j:hello there" },
      },
      { tcp: "hello there", to: ":9000", answer: { text: "", flags: "NR" } },
    ],
  },
  {
    name: "ALLOW lets in whom it names, and nobody else",
    proxy: "server",
    objects: policy("ALLOW", "[{from: [{source: {principals: [cluster.local/ns/shop/sa/caller]}}]}]"),
    steps: [
      allowed("GET server/"),
      denied("GET server/", { tls: as("other") }),
      denied("GET server/", { tls: as("caller", "vendor") }),
      plainly(denied("GET server/")),
    ],
  },
  {
    name: "ALLOW without rules denies all",
    proxy: "server",
    objects: policy("ALLOW", "[]"),
    steps: [denied("GET server/")],
  },
  {
    name: "principals are matched by prefix, suffix and presence",
    proxy: "server",
    objects: policy("ALLOW", '[{from: [{source: {principals: ["cluster.local/ns/shop/*", "*/sa/admin"]}}]}]'),
    steps: [
      allowed("GET server/"),
      allowed("GET server/", { tls: as("admin", "vendor") }),
      denied("GET server/", { tls: as("x", "vendor") }),
    ],
  },
  {
    name: "any identity is asked for with a star",
    proxy: "server",
    objects: policy("ALLOW", '[{from: [{source: {principals: ["*"]}}]}]'),
    steps: [allowed("GET server/"), plainly(denied("GET server/"))],
  },
  {
    name: "namespaces of callers count, and those that are excepted",
    proxy: "server",
    objects: policy("ALLOW", "[{from: [{source: {namespaces: [shop, vendor], notNamespaces: [vendor]}}]}]"),
    steps: [
      allowed("GET server/"),
      denied("GET server/", { tls: as("x", "vendor") }),
      denied("GET server/", { tls: as("x", "third") }),
    ],
  },
  {
    name: "notPrincipals let in all but those named",
    proxy: "server",
    objects: policy("ALLOW", "[{from: [{source: {notPrincipals: [cluster.local/ns/shop/sa/caller]}}]}]"),
    steps: [denied("GET server/"), allowed("GET server/", { tls: as("other") })],
  },
  {
    name: "methods and paths are matched, each in its forms",
    proxy: "server",
    objects: policy(
      "ALLOW",
      '[{to: [{operation: {methods: [GET], paths: [/exact, /prefix*, "*/suffix"]}}, {operation: {methods: ["P*"], notPaths: ["/no*"]}}]}]',
    ),
    steps: [
      allowed("GET server/exact?q"),
      allowed("GET server/prefix/x"),
      allowed("GET server/a/suffix"),
      denied("GET server/exact/"),
      denied("GET server/EXACT"),
      allowed("PUT server/x", { body: "a" }),
      denied("PUT server/nothing", { body: "a" }),
      denied("DELETE server/exact"),
    ],
  },
  {
    name: "paths are matched by templates",
    proxy: "server",
    objects: policy("ALLOW", '[{to: [{operation: {paths: ["/users/{*}/cart", "/files/{**}"]}}]}]'),
    steps: [
      allowed("GET server/users/7/cart"),
      denied("GET server/users/7/8/cart"),
      allowed("GET server/files/a/b"),
      denied("GET server/else"),
    ],
  },
  {
    name: "rules about paths can't be gone round",
    proxy: "server",
    objects: policy("DENY", '[{to: [{operation: {paths: [/admin, "/admin/*"]}}]}]'),
    steps: [
      denied("GET server/admin"),
      denied("GET server/x/../admin"),
      denied("GET server/%61dmin"),
      denied("GET server/./admin/x"),
      denied("GET server/admin?x=y"),
      allowed("GET server/Admin"),
      allowed("GET server//admin"),
      denied("GET server/x/..;/admin"),
    ],
  },
  {
    name: "hosts and ports are matched",
    proxy: "server",
    objects: policy("ALLOW", '[{to: [{operation: {hosts: [server, "*.example.com"], ports: ["8080"]}}]}]'),
    steps: [
      allowed("GET server/"),
      allowed("GET SERVER/"),
      allowed("GET a.example.com/"),
      denied("GET server:80/"),
      denied("GET other/"),
    ],
  },
  {
    name: "ports that are not asked for are denied",
    proxy: "server",
    objects: policy("ALLOW", '[{to: [{operation: {ports: ["9000"]}}]}]'),
    steps: [denied("GET server/"), { tcp: "hello there", to: ":9000", answer: { text: "j:hello there" } }],
  },
  {
    name: "addresses of direct callers are matched, whatever they say of others",
    proxy: "server",
    objects: policy("ALLOW", "[{from: [{source: {ipBlocks: [127.B.1.0/24], notIpBlocks: [127.B.1.99]}}]}]"),
    steps: [
      allowed("GET server/"),
      { ...allowed("GET server/"), headers: { "x-forwarded-for": "10.1.2.3" } },
      { tcp: "hello there", to: ":9000", answer: { text: "j:hello there" } },
    ],
  },
  {
    name: "direct callers from other addresses are denied",
    proxy: "server",
    objects: policy("ALLOW", "[{from: [{source: {ipBlocks: [10.0.0.0/8]}}]}]"),
    steps: [denied("GET server/"), { ...denied("GET server/"), headers: { "x-forwarded-for": "10.1.2.3" } }],
  },
  {
    name: "addresses of callers are matched, as those before them tell",
    proxy: "server",
    objects: policy(
      "ALLOW",
      "[{from: [{source: {remoteIpBlocks: [127.B.1.0/24, 11.0.0.0/8], notRemoteIpBlocks: [11.9.0.0/16]}}]}]",
    ),
    steps: [
      allowed("GET server/"),
      { ...denied("GET server/"), headers: { "x-forwarded-for": "10.1.2.3" } },
      { ...allowed("GET server/"), headers: { "x-forwarded-for": "11.1.2.3" } },
      { ...denied("GET server/"), headers: { "x-forwarded-for": "11.9.2.3" } },
    ],
  },
  {
    name: "DENY wins over ALLOW, and says which policy did it",
    proxy: "server",
    objects:
      policy("ALLOW", "[{}]", "all") +
      policy("DENY", "[{to: [{operation: {methods: [DELETE]}}]}]", "no-delete"),
    steps: [
      allowed("GET server/"),
      denied("DELETE server/", {
        answer: {
          status: 403,
          app: "",
          log: { details: "rbac_access_denied_matched_policy[ns[shop]-policy[no-delete]-rule[0]]" },
        },
      }),
    ],
  },
  {
    name: "conditions on headers, names and ports are looked at",
    proxy: "server",
    objects: policy(
      "ALLOW",
      '[{when: [{key: "request.headers[x-token]", values: [good, "ok*"], notValues: [okno]}]}, {when: [{key: source.principal, values: [cluster.local/ns/shop/sa/admin]}]}, {when: [{key: destination.port, values: ["9000"]}]}, {when: [{key: connection.sni, values: ["*.nowhere"]}]}]',
    ),
    steps: [
      { ...allowed("GET server/"), headers: { "x-token": "good" } },
      { ...allowed("GET server/"), headers: { "x-token": "okay" } },
      { ...denied("GET server/"), headers: { "x-token": "okno" } },
      denied("GET server/"),
      allowed("GET server/", { tls: as("admin") }),
    ],
  },
  {
    name: "a request must fit from, to and when of one rule",
    proxy: "server",
    objects: policy(
      "ALLOW",
      '[{from: [{source: {principals: ["*"]}}], to: [{operation: {methods: [GET]}}], when: [{key: "request.headers[x-a]", values: ["1"]}]}]',
    ),
    steps: [
      { ...allowed("GET server/"), headers: { "x-a": "1" } },
      denied("GET server/"),
      { ...denied("POST server/"), headers: { "x-a": "1" } },
    ],
  },
  {
    name: "AUDIT and dry runs let all through",
    proxy: "server",
    objects:
      policy("AUDIT", "[{}]", "audit") +
      policy("DENY", "[{}]", "dry", ", annotations: {istio.io/dry-run: 'true'}"),
    steps: [allowed("GET server/")],
  },
  {
    name: "a policy that asks for a token's principal denies while nobody reads tokens",
    proxy: "server",
    objects: policy("ALLOW", '[{from: [{source: {requestPrincipals: ["*"]}}]}]'),
    steps: [denied("GET server/")],
  },
  {
    name: "TCP is let in by whom it comes from",
    proxy: "server",
    objects: policy("ALLOW", "[{from: [{source: {principals: [cluster.local/ns/shop/sa/caller]}}]}]"),
    steps: [{ tcp: "hello there", to: ":9000", tls: peerExchange, answer: { text: "j:hello there" } }],
  },
  {
    name: "TCP from others ends before a byte of it reaches the app",
    proxy: "server",
    objects: policy("ALLOW", "[{from: [{source: {principals: [cluster.local/ns/shop/sa/other]}}]}]"),
    steps: [
      {
        tcp: "hello there",
        to: ":9000",
        tls: peerExchange,
        answer: { text: "", flags: "-", log: { terminated: "rbac_access_denied_matched_policy[none]" } },
      },
    ],
  },
  {
    name: "rules that only HTTP can meet let no TCP in",
    proxy: "server",
    objects: policy("ALLOW", "[{to: [{operation: {methods: [GET]}}]}]"),
    steps: [
      {
        tcp: "hello there",
        to: ":9000",
        answer: { text: "", flags: "-", log: { terminated: "rbac_access_denied_matched_policy[none]" } },
      },
    ],
  },
  {
    name: "an app that breaks off is told of with its sidecar's words",
    proxy: "server",
    apps: { i: ["reset", 200] },
    steps: [
      {
        ask: "GET server/",
        tls: caller,
        answer: { status: 503, flags: "UC", headers: { server: "istio-envoy" } },
      },
      allowed("GET server/"),
    ],
  },
  {
    name: "a port without an app gives 503",
    proxy: "server",
    steps: [{ ask: "GET server/", to: ":7777", logs: 0, answer: { status: 0 } }],
  },
  {
    name: "gRPC callers are denied in gRPC's words",
    proxy: "server",
    objects: policy("ALLOW", "[]"),
    steps: [
      {
        ask: "POST server/a.B/C",
        http2: true,
        body: "x",
        headers: { "content-type": "application/grpc", te: "trailers" },
        tls: { ...caller, alpn: ["istio-h2", "istio", "h2"] },
        answer: {
          status: 200,
          app: "",
          headers: { "grpc-status": "7", "grpc-message": "RBAC: access denied" },
        },
      },
    ],
  },
];
