import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { suite, test } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import { isJsonObject, type JsonObject } from "../../kube/index.ts";
import { checkIstioObject } from "./check-istio-object.ts";

/** What is said of an object of `kind` with this spec: "path: message", warnings with a mark. */
function said(kind: string, spec: string, metadata: JsonObject = {}): readonly string[] {
  const apiVersion = "networking.istio.io/v1";
  const object = {
    apiVersion,
    kind,
    metadata: { name: "x", namespace: "sample", ...metadata },
    spec: parse(spec),
  };
  return (checkIstioObject(object) ?? []).map(
    ({ severity, path, message }) => `${severity === "warning" ? "(warning) " : ""}${path}: ${message}`,
  );
}

type Row = readonly [spec: string, ...problems: readonly (string | RegExp)[]];

function tell(kind: string, rows: readonly Row[]): void {
  for (const [spec, ...wanted] of rows) {
    const first = wanted[0];
    const title = `${kind} ${spec.length > 90 ? `${spec.slice(0, 90)}…` : spec}: ${first === undefined ? "accepted" : String(first)}`;
    test(title, () => {
      const problems = said(kind, spec);
      assert.equal(problems.length, wanted.length, problems.join("\n"));
      for (const [i, expected] of wanted.entries())
        if (typeof expected === "string") assert.equal(problems[i], expected);
        else assert.match(problems[i] ?? "", expected);
    });
  }
}

const http = (route: string) => `{hosts: [web], http: [${route}]}`;
const toWeb = "route: [{destination: {host: web}}]";

suite("VirtualService", () => {
  tell("VirtualService", [
    [http(`{${toWeb}}`)],
    ["{hosts: [web], tcp: [{match: [{port: 80}], route: [{destination: {host: web}}]}]}"],
    ["{hosts: ['*'], gateways: [g], http: [{route: [{destination: {host: web}}]}]}"],
    ["{hosts: [web]}", "spec: http, tcp or tls must be provided in virtual service"],
    ["{}", "spec: http, tcp or tls must be provided in virtual service"],
    [
      "{gateways: [g], tcp: [{route: [{destination: {host: web}}]}]}",
      "spec.gateways: delegate virtual service must have no gateways specified",
      "spec.tcp: delegate virtual service must have no tcp route specified",
    ],
    [
      `{hosts: ['*'], http: [{${toWeb}}]}`,
      "spec.hosts[0]: wildcard host * is not allowed for virtual services bound to the mesh gateway",
    ],
    [
      `{hosts: [a.b, '*.b'], http: [{${toWeb}}]}`,
      "spec.hosts[1]: duplicate hosts in virtual service: a.b & *.b",
    ],
    [`{hosts: [1.2.3.4], http: [{${toWeb}}]}`],
    [`{hosts: [a_b], http: [{${toWeb}}]}`, /^spec\.hosts\[0\]: domain name "a_b" invalid/],
    [http("{}"), "spec.http[0]: HTTP route, redirect or direct_response is required"],
    [
      http(`{${toWeb}, redirect: {uri: /x}, fault: {abort: {httpStatus: 500}}}`),
      "spec.http[0].route: HTTP route cannot contain both route and redirect",
      "spec.http[0].fault: HTTP route cannot contain both fault and redirect",
    ],
    [
      http("{redirect: {uri: /x}, directResponse: {status: 200}}"),
      "spec.http[0].directResponse: HTTP route rule cannot contain both direct_response and redirect",
    ],
    [
      http("{route: [{destination: {host: web}, weight: -1}, {destination: {host: web}, weight: 101}]}"),
      "spec.http[0].route[0].weight: weight -1 < 0",
    ],
    [http("{route: [{destination: {host: web}, weight: 60}, {destination: {host: web}, weight: 20}]}")],
    [http("{route: [{destination: {host: web}, weight: 60}, {destination: {host: web}, weight: 40}]}")],
    [
      http("{route: [{destination: {host: web}}, {destination: {host: web}}]}"),
      "spec.http[0].route: total destination weight = 0",
    ],
    [http("{route: [{weight: 1}]}"), "spec.http[0].route[0].destination: destination is required"],
    [
      http("{route: [{destination: {host: '*', subset: V_1, port: {number: 0}}}]}"),
      "spec.http[0].route[0].destination.host: invalid destination host *",
      "spec.http[0].route[0].destination.subset: subset name is invalid: V_1",
      "spec.http[0].route[0].destination.port.number: port number 0 must be in the range 1..65535",
    ],
    [http(`{${toWeb}, timeout: 0.5ms}`), "spec.http[0].timeout: duration must be greater than 1ms"],
    [
      http(`{${toWeb}, timeout: 1.0005s}`),
      "spec.http[0].timeout: only durations to ms precision are supported",
    ],
    [
      http(`{${toWeb}, retries: {attempts: 0, retryOn: "5xx,nope"}}`),
      "spec.http[0].retries: http retry policy configured when attempts are set to 0 (disabled)",
      'spec.http[0].retries.retryOn: "nope" is not a valid retryOn policy',
    ],
    [http(`{${toWeb}, retries: {attempts: 2, retryOn: "gateway-error,503"}}`)],
    [
      http(`{${toWeb}, match: [{uri: {regex: "a(?=b)"}}]}`),
      /^spec\.http\[0\]\.match\[0\]\.uri\.regex: .*unsupported Perl syntax.*RE2/,
    ],
    [
      http(`{${toWeb}, match: [{uri: {regex: "("}}]}`),
      /^spec\.http\[0\]\.match\[0\]\.uri\.regex: error parsing/,
    ],
    [http(`{${toWeb}, match: [{uri: {regex: "(?i)/[[:alpha:]]+/(?P<x>.*)"}}]}`)],
    [
      http(`{${toWeb}, match: [{headers: {"a b": {exact: c}, d: {prefix: ""}}}]}`),
      'spec.http[0].match[0].headers["a b"]: header name a b is not a valid header name',
      "spec.http[0].match[0].headers.d.prefix: prefix string match should not be empty",
    ],
    [
      http(`{${toWeb}, match: [{headers: {"@request.auth.claims.sub": {exact: c}}}]}`),
      /JWT claim based routing \(key: @request\.auth\.claims\.sub\) is only supported for gateway/,
    ],
    [
      http(`{${toWeb}, headers: {request: {set: {":path": x}, remove: [Host]}}}`),
      'spec.http[0].headers.request.set[":path"]: invalid header ":path": header cannot have ":" prefix',
      'spec.http[0].headers.request.remove[0]: invalid header "Host": cannot set Host header',
    ],
    [
      http(`{${toWeb}, rewrite: {authority: a}, headers: {request: {set: {host: b}}}}`),
      /authority header cannot be set multiple times: have "a", attempting to set "b"/,
    ],
    [
      http(
        `{${toWeb}, headers: {request: {set: {a: "%REQ(b)% and 100%%", c: "%DOWNSTREAM_PEER_URI_SAN%"}}}}`,
      ),
    ],
    [http(`{${toWeb}, headers: {request: {set: {a: "50%"}}}}`), /has a % that opens no variable/],
    [
      http(`{${toWeb}, fault: {}}`),
      "spec.http[0].fault: HTTP fault injection must have an abort and/or a delay",
    ],
    [
      http(
        `{${toWeb}, fault: {abort: {httpStatus: 99, percentage: {value: 101}}, delay: {percentage: {value: 0.00001}}}}`,
      ),
      "spec.http[0].fault.abort.percentage.value: percentage 101 is neither 0.0, nor in range [0.0001, 100.0]",
      "spec.http[0].fault.abort.httpStatus: HTTP status 99 is not in range 200-599",
      /^spec\.http\[0\]\.fault\.delay\.percentage\.value: percentage 0.00001/,
    ],
    [http(`{${toWeb}, fault: {abort: {grpcStatus: BROKEN}}}`), /gRPC status "BROKEN" is not supported/],
    [http(`{${toWeb}, corsPolicy: {allowMethods: [FETCH], maxAge: 10ms}}`), /FETCH/, /seconds precision/],
    [
      http(`{${toWeb}, mirror: {host: web}, mirrorPercent: 150}`),
      "spec.http[0].mirrorPercent: mirror_percent must have a max value of 100 (it has 150)",
      '(warning) spec.http[0].mirrorPercent: using deprecated setting "mirrorPercent", use "mirrorPercentage" instead',
    ],
    [
      http("{redirect: {redirectCode: 200, scheme: ftp}}"),
      /200 is not a valid redirect code/,
      /invalid redirect scheme/,
    ],
    [http(`{${toWeb}, rewrite: {}}`), /rewrite must specify at least one of/],
    [
      http(`{${toWeb}}, {${toWeb}}`),
      "(warning) spec.http[1]: virtualService rule #1 not used (only the last rule can have no matches)",
    ],
    [
      http(`{match: [{uri: {prefix: /a}}], ${toWeb}}, {name: late, match: [{uri: {prefix: /ab}}], ${toWeb}}`),
      '(warning) spec.http[1].match[0]: virtualService rule "late" match #0 of prefix /ab is not used (duplicate/overlapping match in rule #0 of prefix /a on #0)',
    ],
    [
      "{hosts: [a.b], tls: [{match: [{sniHosts: [c.d]}], route: [{destination: {host: web}}]}]}",
      'spec.tls[0].match[0].sniHosts[0]: SNI host "c.d" is not a compatible subset of any of the virtual service hosts: [a.b]',
    ],
    ["{hosts: [a.b], tls: [{}]}", /at least one match condition/, /TLS route is required/],
    [`{hosts: [web], exportTo: ["*", a], http: [{${toWeb}}]}`, /cannot have both public/],
    [`{hosts: [web], exportTo: ["."," sample"], http: [{${toWeb}}]}`, /DNS 1123 label/],
    [
      `{hosts: [web], exportTo: [sample, "."], http: [{${toWeb}}]}`,
      /duplicate entries in exportTo: \. and current/,
    ],
    [
      `{hosts: [web], gateways: [a/b/c], http: [{${toWeb}}]}`,
      'spec.gateways[0]: invalid value for gateway name: "b/c"',
    ],
    [
      `{hosts: [web], gateways: [g.ns], http: [{${toWeb}}]}`,
      /^\(warning\).*prefer the <namespace>\/<name> format: "ns\/g"/,
    ],
  ]);
});

const policy = (text: string) => `{host: web, trafficPolicy: {${text}}}`;

suite("DestinationRule", () => {
  tell("DestinationRule", [
    ["{host: web}"],
    ["{}", "spec.host: empty domain name not allowed"],
    ["{host: web, subsets: [{name: a}, {name: a}]}", "spec.subsets[1].name: duplicate subset names: a"],
    [
      "{host: web, subsets: [{name: a_b, labels: {'-x': y}}]}",
      /subset name is invalid: a_b/,
      /invalid tag key: "-x"/,
    ],
    [policy(""), "spec.trafficPolicy: traffic policy must have at least one field"],
    [
      policy("connectionPool: {}"),
      "spec.trafficPolicy.connectionPool: connection pool must have at least one field",
    ],
    [
      policy("connectionPool: {http: {http1MaxPendingRequests: -1, idleTimeout: 1us}}"),
      "spec.trafficPolicy.connectionPool.http.http1MaxPendingRequests: -1 must be non-negative",
      /duration must be greater than 1ms/,
    ],
    [policy("connectionPool: {tcp: {idleTimeout: 0s}}")],
    [
      policy("connectionPool: {http: {http2KeepAlive: {interval: 1s}}}"),
      /http2 keepalive timeout is required/,
    ],
    [
      policy("outlierDetection: {consecutiveErrors: 3, maxEjectionPercent: 150}"),
      /percentage 150 is not in range/,
      /^\(warning\).*consecutive errors is deprecated/,
    ],
    [
      policy("outlierDetection: {consecutiveLocalOriginFailures: 3}"),
      /split external local origin errors is set to false/,
    ],
    [
      policy("loadBalancer: {consistentHash: {maglev: {tableSize: 10}}}"),
      /tableSize must be a prime number for maglev/,
    ],
    [policy("loadBalancer: {consistentHash: {httpCookie: {ttl: 1s}}}"), /name required for HttpCookie/],
    [
      policy("loadBalancer: {localityLbSetting: {distribute: [{from: a/*, to: {a/*: 50, a/b/*: 40}}]}}"),
      /total locality weight 90 != 100/,
      /locality a\/b\/\* overlap/,
    ],
    [
      policy("loadBalancer: {localityLbSetting: {failover: [{from: a, to: a}]}}"),
      /^\(warning\).*outlier detection policy must be provided for failover/,
      /must specify different regions/,
    ],
    [
      policy("loadBalancer: {warmup: {minimumPercent: 150}}"),
      /duration is required/,
      /less than or equal to 100/,
    ],
    [policy("tls: {mode: MUTUAL}"), /client certificate required/, /private key required/],
    [policy("tls: {mode: MUTUAL, credentialName: a, caCertificates: /b}"), /If credentialName is set/],
    [policy("tls: {mode: SIMPLE, credentialName: 'configmap://a'}"), /read from Secrets alone here/],
    [
      policy("tls: {mode: SIMPLE, insecureSkipVerify: true, subjectAltNames: [a]}"),
      /when InsecureSkipVerify is set true/,
    ],
    [policy("portLevelSettings: [{}]"), /must have valid port/, /must have at least one field/],
    [
      policy("tunnel: {protocol: GET, targetHost: a b, targetPort: 0}"),
      /must be "CONNECT" or "POST"/,
      /valid FQDN/,
      /port is invalid/,
    ],
    [
      policy("tunnel: {targetHost: a.b, targetPort: 80}, proxyProtocol: {version: V2}"),
      /must not be set together/,
    ],
    [
      "{host: web, workloadSelector: {matchLabels: {a: b}}, exportTo: ['*']}",
      /exportTo beyond current namespace/,
    ],
    ["{host: web, workloadSelector: {matchLabels: {}}}", /^\(warning\).*without labels/],
    [
      policy("loadBalancer: {zoneAwareLbSetting: {enabled: true}, localityLbSetting: {enabled: true}}"),
      /only one of localityLbSetting and zoneAwareLbSetting/,
    ],
  ]);
});

const server = (text: string) =>
  `{servers: [{port: {number: 443, name: https, protocol: HTTPS}, hosts: ["*"], ${text}}]}`;

suite("Gateway", () => {
  tell("Gateway", [
    [server("tls: {mode: SIMPLE, credentialName: web}")],
    ["{}", "spec.servers: gateway must have at least one server"],
    ["{servers: [{hosts: []}]}", /at least one host/, "spec.servers[0].port: port is required"],
    [server("tls: {mode: SIMPLE}"), /SIMPLE TLS requires a server certificate/, /requires a private key/],
    [
      server("tls: {mode: MUTUAL, serverCertificate: /a, privateKey: /b}"),
      /MUTUAL TLS requires a client CA bundle/,
    ],
    [server(""), "spec.servers[0].tls: server must have TLS settings for HTTPS/TLS protocols"],
    [
      server("tls: {mode: ISTIO_MUTUAL, credentialName: a}"),
      /ISTIO_MUTUAL TLS cannot have associated credentialName/,
    ],
    [
      server("tls: {mode: PASSTHROUGH, credentialName: a}"),
      /^\(warning\).*PASSTHROUGH mode does not use certificates/,
    ],
    [server("tls: {mode: SIMPLE, credentialName: a, credentialNames: [b]}"), /only one of credential_name/],
    [
      server("tls: {mode: SIMPLE, credentialName: a, cipherSuites: [X, AES128-SHA, AES128-SHA]}"),
      /invalid cipher suites: \[X\]/,
      /duplicate/,
    ],
    [
      `{servers: [{port: {number: 80, protocol: SPEAK}, hosts: [web, a/*.b, "*x.b"], bind: here}]}`,
      "spec.servers[0].hosts[0]: short names (non FQDN) are not allowed",
      /partial wildcard "\*x\.b" not allowed/,
      /invalid protocol "SPEAK"/,
      "spec.servers[0].port.name: port name must be set",
      "spec.servers[0].bind: here is not a valid IP",
    ],
    ["{servers: [{port: {number: 80, name: h, protocol: HTTP}, hosts: ['*'], tls: {httpsRedirect: true}}]}"],
    [
      "{servers: [{port: {number: 80, name: h, protocol: HTTP}, hosts: ['*'], tls: {mode: SIMPLE, credentialName: a}}]}",
      "spec.servers[0].tls: server cannot have TLS settings for plain text HTTP ports",
    ],
    [
      "{servers: [{port: {number: 80, name: a, protocol: TCP}, hosts: ['*']}, {port: {number: 81, name: a, protocol: TCP}, hosts: ['*']}]}",
      "spec.servers[1].port.name: port names in servers must be unique: duplicate name a",
    ],
    [
      "{servers: [{port: {number: 80, name: a, protocol: HTTP, targetPort: 81}, hosts: ['*']}]}",
      "spec.servers[0].port.targetPort: targetPort has no impact on Gateways",
    ],
  ]);
});

const entry = (text: string) =>
  `{hosts: [a.example.com], ports: [{number: 80, name: http, protocol: HTTP}], ${text}}`;

suite("ServiceEntry, WorkloadEntry, WorkloadGroup", () => {
  tell("ServiceEntry", [
    [entry("resolution: DNS")],
    ["{}", "spec.hosts: service entry must have at least one host"],
    [
      entry("resolution: NONE, endpoints: [{address: 1.2.3.4}]"),
      /no endpoints should be provided for resolution type none/,
    ],
    [
      entry("resolution: STATIC, endpoints: [{address: a.b}, {address: 1.2.3.4, ports: {other: 80}}]"),
      /"a\.b" is not a valid IP address/,
      /endpoint port 80 is not defined/,
    ],
    [entry("resolution: DNS, addresses: [10.0.0.0/8]"), /CIDR addresses are allowed only for NONE\/STATIC/],
    [
      entry("resolution: DNS_ROUND_ROBIN, endpoints: [{address: a.b}, {address: c.d}]"),
      /only be 0 or 1 endpoint/,
    ],
    [
      entry("resolution: STATIC, workloadSelector: {labels: {a: b}}, endpoints: [{address: 1.2.3.4}]"),
      /only one of WorkloadSelector or Endpoints/,
    ],
    ["{hosts: ['*'], ports: [{number: 80, name: a, protocol: HTTP}]}", "spec.hosts[0]: invalid host *"],
    [
      "{hosts: ['*.b'], resolution: DNS, ports: [{number: 80, name: a, protocol: HTTP}]}",
      /hosts must be FQDN/,
    ],
    [
      "{hosts: [a.b, c.d], resolution: STATIC, ports: [{number: 80, name: a, protocol: TCP}]}",
      /multiple hosts provided with non-HTTP, non-TLS ports/,
    ],
    [
      "{hosts: [a.b], ports: [{number: 80, name: a, protocol: TCP}]}",
      /^\(warning\).*addresses are required for ports serving TCP/,
    ],
    [
      "{hosts: [a.b], resolution: DNS, ports: [{number: 80, name: a, protocol: HTTP}, {number: 80, name: a, protocol: X}]}",
      /name "a" already defined/,
      /80 already defined/,
      /unsupported protocol: X/,
    ],
    [entry("exportTo: ['~']")],
  ]);
  tell("WorkloadEntry", [
    ["{address: vm.example.com}"],
    ["{}", "spec.address: address is required"],
    ["{network: n}", '(warning) spec.address: address is unset with network "n"'],
    ["{address: 'unix:///a', ports: {http: 80}}", /must not include ports/, /unix sockets are not run here/],
    ["{address: a_b, ports: {http: 99999}}", /not a valid FQDN or an IP address/, /port number 99999/],
  ]);
  tell("WorkloadGroup", [
    ["{template: {}}", /^\(warning\) spec: WorkloadGroup has no effect here/],
    [
      "{probe: {periodSeconds: -1}}",
      /template is required/,
      /-1 must be non-negative/,
      /unknown health check method/,
      /^\(warning\)/,
    ],
  ]);
});

suite("Sidecar", () => {
  tell("Sidecar", [
    ["{egress: [{hosts: ['./*']}]}"],
    ["{}", "spec: sidecar: empty configuration provided"],
    ["{egress: [{hosts: [web]}]}", "spec.egress[0].hosts[0]: host must be of form namespace/dnsName"],
    [
      "{egress: [{hosts: ['*/*', ns/a.b]}]}",
      /^\(warning\) spec\.egress\[0\]\.hosts: `\*\/\*` host select all/,
    ],
    ["{egress: [{hosts: ['*/*']}, {hosts: ['*/*']}]}", /empty port should be the last/],
    [
      "{egress: [{port: {number: 0, protocol: TCP, name: a}, hosts: ['*/*']}]}",
      /unix domain socket bind address/,
    ],
    [
      "{ingress: [{port: {number: 80, protocol: HTTP, name: a}, defaultEndpoint: '10.0.0.1:x'}]}",
      /must be of form/,
      /port \(x\) is not a number/,
    ],
    [
      "{ingress: [{port: {number: 80, protocol: HTTP, name: a}}, {port: {number: 80, protocol: HTTP, name: b}}]}",
      /must be unique/,
    ],
    [
      "{workloadSelector: {labels: {a: 'b*'}}, egress: [{hosts: ['*/*']}]}",
      /wildcard is not supported in selector: "a=b\*"/,
    ],
  ]);
});

suite("policies", () => {
  tell("PeerAuthentication", [
    ["{mtls: {mode: STRICT}}"],
    ["{portLevelMtls: {80: {mode: STRICT}}}", /cannot have port level mTLS/],
    [
      "{selector: {matchLabels: {a: b}}, portLevelMtls: {0: {mode: STRICT}}}",
      /port must be in range 1\.\.65535/,
    ],
  ]);
  tell("AuthorizationPolicy", [
    ["{}"],
    ["{action: DENY}", /DENY action without `rules` is meaningless/],
    ["{rules: [{from: []}]}"],
    ["{rules: [{from: [{source: {}}]}]}", /`from\.source` must not be empty/],
    ["{rules: [{from: [{source: {ipBlocks: [10.0.0.0/33, x]}}]}]}", /bad CIDR range/, /bad IP address \(x\)/],
    [
      "{rules: [{to: [{operation: {ports: ['70000'], paths: ['/a/{**}/{*}', '/{b}']}}]}]}",
      /bad port/,
      /not the last operator/,
      /beyond a supported path template/,
    ],
    [
      "{rules: [{when: [{key: made.up, values: [a]}, {key: source.ip, values: [x]}, {key: 'request.headers[a]', values: [b]}]}]}",
      /unknown attribute: made\.up/,
      /bad IP address/,
    ],
    [
      "{action: DENY, rules: [{to: [{operation: {methods: [GET]}}]}]}",
      /^\(warning\).*will deny all traffic to TCP ports/,
    ],
    ["{action: DENY, rules: [{to: [{operation: {methods: [GET], ports: ['80']}}]}]}"],
    [
      "{action: CUSTOM, provider: {name: x}, rules: [{}]}",
      /action: CUSTOM is not run here/,
      /provider: is not run here/,
    ],
    ["{targetRefs: [{kind: Gateway, group: gateway.networking.k8s.io, name: g}]}"],
    ["{targetRefs: [{kind: Pod, name: g}]}", /targetRef must be to one of/],
    [
      "{rules: [{from: [{source: {serviceAccounts: [a/b/c], namespaces: [x]}}]}]}",
      /cannot set serviceAccounts with/,
      /expected format/,
    ],
  ]);
  tell("RequestAuthentication", [
    ["{jwtRules: [{issuer: a, jwks: '{'}]}", /jwks parse error/],
    ["{jwtRules: [{jwksUri: 'ftp://a'}]}", /URI scheme "ftp" is not supported/],
  ]);
  tell("Telemetry", [
    ["{accessLogging: [{providers: [{name: envoy}]}]}"],
    ["{metrics: [{providers: [{}]}]}", /providers\.name may not be empty/],
    ["{tracing: [{randomSamplingPercentage: 120}]}", /must be in range \[0\.0, 100\.0\]/],
  ]);
});

suite("kinds that are not run", () => {
  const sentence = (kind: string) => new RegExp(`^spec: ${kind} is not run here; `);
  tell("EnvoyFilter", [
    [
      "{configPatches: [{applyTo: CLUSTER, patch: {operation: MERGE, value: {a: b}}}]}",
      sentence("EnvoyFilter"),
    ],
    [
      "{configPatches: [{patch: {operation: ADD}}]}",
      /missing applyTo/,
      /missing patch value/,
      sentence("EnvoyFilter"),
    ],
  ]);
  tell("WasmPlugin", [
    ["{url: 'oci://a/b'}", sentence("WasmPlugin")],
    ["{}", /url field needs to be set/, sentence("WasmPlugin")],
  ]);
  tell("TrafficExtension", [["{lua: {inlineCode: x}}", sentence("TrafficExtension")]]);
  tell("ProxyConfig", [["{concurrency: -1}", /greater than or equal to 0/, sentence("ProxyConfig")]]);
});

suite("the Gateway API", () => {
  for (const kind of ["Gateway", "HTTPRoute"])
    test(`${kind} is refused, with Istio's kinds that do the same`, () => {
      const object = { apiVersion: "gateway.networking.k8s.io/v1", kind, metadata: { name: "g" }, spec: {} };
      const [problem, ...more] = checkIstioObject(object) ?? [];
      assert.deepEqual([problem?.severity, problem?.path, more], ["error", "", []]);
      assert.match(
        problem?.message ?? "",
        new RegExp(`^${kind} of the Gateway API is not run here; use Gateway`),
      );
    });
});

suite("what stands in metadata", () => {
  const rows = [
    {
      annotations: { "istio.io/dry-run": "true" },
      kind: "Gateway",
      says: /unsupported annotation istio\.io\/dry-run/,
    },
    {
      annotations: { "istio.io/dry-run": "perhaps" },
      kind: "AuthorizationPolicy",
      says: /invalid value \(perhaps\)/,
    },
    {
      annotations: { "internal.istio.io/webhook-always-reject": "true" },
      kind: "Gateway",
      says: /annotation found, rejecting/,
    },
    { annotations: { "internal.istio.io/parents": "x" }, kind: "Gateway", says: /may not be set by users/ },
  ];
  for (const { annotations, kind, says } of rows)
    test(`${kind} with ${JSON.stringify(annotations)}`, () => {
      const spec = kind === "Gateway" ? server("tls: {mode: SIMPLE, credentialName: a}") : "{}";
      const problems = said(kind, spec, { annotations });
      assert.equal(problems.length, 1);
      assert.match(problems[0] ?? "", says);
    });

  test("an AuthorizationPolicy may be tried in a dry run, and the versions of a kind are checked alike", () => {
    assert.deepEqual(said("AuthorizationPolicy", "{}", { annotations: { "istio.io/dry-run": "true" } }), []);
    for (const apiVersion of [
      "networking.istio.io/v1alpha3",
      "networking.istio.io/v1beta1",
      "networking.istio.io/v1",
    ])
      assert.equal(
        checkIstioObject({ apiVersion, kind: "Gateway", metadata: { name: "g" }, spec: {} })?.length,
        1,
      );
    assert.equal(
      checkIstioObject({ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "g" } }),
      undefined,
    );
  });
});

suite("objects that are in use", () => {
  const root = path.join(import.meta.dirname, "../../..");
  const files = ["test/golden/scenes", "examples"].flatMap((folder) =>
    readdirSync(path.join(root, folder), { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".yaml"))
      .map((file) => path.join(folder, file)),
  );
  const objects = files.flatMap((file) =>
    parseAllDocuments(readFileSync(path.join(root, file), "utf8")).flatMap((document) => {
      const object: unknown = document.toJS();
      const isIstio = isJsonObject(object) && String(object["apiVersion"]).includes("istio.io/");
      return isIstio ? [{ file, object }] : [];
    }),
  );

  test("pass: the examples' and those of the scenes that are compared with istiod", () => {
    assert.ok(objects.length > 30);
    for (const { file, object } of objects) {
      const errors = (checkIstioObject(object) ?? assert.fail(`${file}: unknown kind`)).filter(
        ({ severity }) => severity === "error",
      );
      assert.deepEqual(errors, [], `${file} ${JSON.stringify(object["metadata"])}`);
    }
  });
});
