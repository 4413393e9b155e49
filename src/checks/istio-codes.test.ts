import assert from "node:assert/strict";
import { suite, test } from "vitest";
import { generateKey, issueCertificate } from "../pki/index.ts";
import { istioCodes } from "./istio-codes.ts";
import { findIn, type More } from "./test-support/base-mesh.ts";

interface Case {
  /** "Kind namespace/name path" of the first object. */
  readonly at: string;
  readonly severity: "error" | "warning" | "info";
  readonly wrong: More;
  /** Nearly the same, and nothing wrong with it. */
  readonly fine: More;
}

const istio = (kind: string, name: string, spec: string, group = "networking.istio.io/v1") =>
  `apiVersion: ${group}\nkind: ${kind}\nmetadata: { name: ${name}, namespace: sample }\nspec: ${spec}\n---\n`;
const virtualService = (spec: string, name = "reviews") => istio("VirtualService", name, spec);
const destinationRule = (spec: string) => istio("DestinationRule", "reviews", spec);
const gateway = (name: string, spec: string) => istio("Gateway", name, spec);
const serviceEntry = (name: string, spec: string) => istio("ServiceEntry", name, spec);
const policy = (kind: string, spec: string) => istio(kind, "reviews", spec, "security.istio.io/v1");
const telemetry = (name: string, spec: string) => istio("Telemetry", name, spec, "telemetry.istio.io/v1");
const patch = (body: string, more = "") =>
  istio("EnvoyFilter", "filter", `{ ${more}configPatches: [${body}] }`, "networking.istio.io/v1alpha3");
const core = (kind: string, name: string, rest: string, metadata = "") =>
  `apiVersion: v1\nkind: ${kind}\nmetadata: { name: ${name}${metadata} }\n${rest}\n---\n`;
const namespace = (name: string, labels = "{}") => core("Namespace", name, "", `, labels: ${labels}`);
const service = (name: string, spec: string) => core("Service", name, `spec: ${spec}`, ", namespace: sample");
const deployment = (name: string, labels: string, spec: string, metadata = "", namespace = "sample") =>
  `apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: ${name}, namespace: ${namespace}${metadata} }\n` +
  `spec: { selector: { matchLabels: ${labels} }, template: { metadata: { labels: ${labels} }, spec: ${spec} } }\n---\n`;
const app = "{ containers: [{ name: app, image: app }] }";
const pod = (name: string, spec: string, more = "") =>
  core("Pod", name, `spec: ${spec}`, `, namespace: sample${more}`);
const proxied = "{ containers: [{ name: app }, { name: istio-proxy, image: 'istio/proxyv2:1.30.0' }] }";
const map = (name: string, data: string) =>
  core("ConfigMap", name, `data:\n${data}`, ", namespace: istio-system");
const secret = (name: string, data: string, metadata = "") =>
  core("Secret", name, `data: ${data}`, `, namespace: istio-system${metadata}`);
const https = (credential: string) =>
  gateway(
    "secure",
    `{ selector: { istio: ingressgateway }, servers: [{ port: { number: 443, name: https, protocol: HTTPS }, hosts: [secure.example.com], tls: { mode: SIMPLE, credentialName: ${credential} } }] }`,
  );

const { publicKey, privateKey, privateKeyPem } = generateKey();
const certificate = issueCertificate(
  { publicKey, notBefore: 0, notAfter: Date.parse("2030-01-01T00:00:00Z"), dnsNames: ["secure.example.com"] },
  { selfKey: privateKey },
);
const base64 = (text: string) => Buffer.from(text).toString("base64");
const pair = `{ tls.crt: ${base64(certificate)}, tls.key: ${base64(privateKeyPem)} }`;

const ofRevision =
  "{ matchLabels: { istio.io/rev: old }, matchExpressions: [{ key: istio-injection, operator: DoesNotExist }] }";

const cases: Readonly<Record<string, readonly Case[]>> = {
  "object/deprecated": [
    {
      at: "VirtualService sample/reviews spec.http[0].fault.delay.percent",
      severity: "warning",
      wrong: {
        fra: virtualService(
          "{ hosts: [reviews], http: [{ fault: { delay: { percent: 10, fixedDelay: 1s } }, route: [{ destination: { host: reviews } }] }] }",
        ),
      },
      fine: {
        fra: virtualService(
          "{ hosts: [reviews], http: [{ fault: { delay: { percentage: { value: 10 }, fixedDelay: 1s } }, route: [{ destination: { host: reviews } }] }] }",
        ),
      },
    },
    {
      at: "Telemetry sample/traces spec.tracing[0].providers",
      severity: "warning",
      wrong: {
        fra:
          map("istio", "  mesh: 'extensionProviders: [{ name: old, lightstep: {} }]'") +
          telemetry("traces", "{ tracing: [{ providers: [{ name: old }] }] }"),
      },
      fine: {
        fra:
          map("istio", "  mesh: 'extensionProviders: [{ name: old, opentelemetry: {} }]'") +
          telemetry("traces", "{ tracing: [{ providers: [{ name: old }] }] }"),
      },
    },
  ],
  "traffic/unknown-subset": [
    {
      at: "VirtualService sample/reviews spec.http[0].route[0].destination.subset",
      severity: "error",
      wrong: {
        fra: virtualService(
          "{ hosts: [reviews], http: [{ route: [{ destination: { host: reviews, subset: v3 } }] }] }",
        ),
      },
      fine: {
        fra:
          virtualService(
            "{ hosts: [reviews], http: [{ route: [{ destination: { host: reviews, subset: v1 } }] }] }",
          ) + destinationRule("{ host: reviews, subsets: [{ name: v1, labels: { version: v1 } }] }"),
      },
    },
  ],
  "virtual-service/unknown-host": [
    {
      at: "VirtualService sample/reviews spec.http[0].route[0].destination.host",
      severity: "error",
      wrong: {
        fra: virtualService("{ hosts: [reviews], http: [{ route: [{ destination: { host: revews } }] }] }"),
      },
      // Only the remote has it: its control plane knows it all the same.
      fine: {
        fra: virtualService("{ hosts: [reviews], http: [{ route: [{ destination: { host: far } }] }] }"),
        ash: service("far", "{ ports: [{ name: http, port: 80 }] }"),
      },
    },
    {
      // A name with dots is taken as it is.
      at: "VirtualService sample/reviews spec.tcp[0].route[0].destination.host",
      severity: "error",
      wrong: {
        fra: virtualService(
          "{ hosts: [reviews], tcp: [{ route: [{ destination: { host: reviews.sample } }] }] }",
        ),
      },
      fine: {
        fra: virtualService(
          "{ hosts: [reviews], tcp: [{ route: [{ destination: { host: reviews.sample.svc.cluster.local } }] }] }",
        ),
      },
    },
    {
      at: "VirtualService sample/reviews spec.http[0].mirror.host",
      severity: "error",
      wrong: {
        fra: virtualService(
          "{ hosts: [reviews], http: [{ route: [{ destination: { host: reviews } }], mirror: { host: api.example.com } }] }",
        ),
      },
      fine: {
        fra:
          virtualService(
            "{ hosts: [reviews], http: [{ route: [{ destination: { host: reviews } }], mirror: { host: api.example.com } }] }",
          ) +
          serviceEntry(
            "outside",
            '{ hosts: ["*.example.com"], ports: [{ number: 80, name: one, protocol: HTTP }] }',
          ),
      },
    },
    {
      // A ServiceEntry that another namespace keeps to itself.
      at: "VirtualService sample/reviews spec.http[0].route[0].destination.host",
      severity: "error",
      wrong: {
        fra:
          virtualService(
            "{ hosts: [reviews], http: [{ route: [{ destination: { host: api.example.com } }] }] }",
          ) +
          serviceEntry(
            "outside",
            '{ hosts: [api.example.com], ports: [{ number: 80, name: one, protocol: HTTP }], exportTo: ["."] }',
          ).replace("namespace: sample", "namespace: istio-system"),
      },
      fine: {
        fra:
          virtualService(
            "{ hosts: [reviews], http: [{ route: [{ destination: { host: api.example.com } }] }] }",
          ) +
          serviceEntry(
            "outside",
            '{ hosts: [api.example.com], ports: [{ number: 80, name: one, protocol: HTTP }], exportTo: ["."] }',
          ),
      },
    },
  ],
  "virtual-service/unknown-port": [
    {
      at: "VirtualService sample/reviews spec.http[0].route[0].destination.port.number",
      severity: "error",
      wrong: {
        fra: virtualService(
          "{ hosts: [reviews], http: [{ route: [{ destination: { host: reviews, port: { number: 80 } } }] }] }",
        ),
      },
      fine: {
        fra: virtualService(
          "{ hosts: [reviews], http: [{ route: [{ destination: { host: reviews, port: { number: 9080 } } }] }] }",
        ),
      },
    },
  ],
  "virtual-service/port-needed": [
    {
      at: "VirtualService sample/reviews spec.http[0].route[0].destination.port",
      severity: "error",
      wrong: {
        fra: virtualService("{ hosts: [reviews], http: [{ route: [{ destination: { host: ratings } }] }] }"),
      },
      fine: {
        fra: virtualService(
          "{ hosts: [reviews], http: [{ route: [{ destination: { host: ratings, port: { number: 9090 } } }] }] }",
        ),
      },
    },
  ],
  "virtual-service/unknown-gateway": [
    {
      at: "VirtualService sample/reviews spec.gateways[1]",
      severity: "error",
      wrong: { fra: virtualService("{ hosts: [page.example.com], gateways: [page, other/page] }") },
      fine: { fra: virtualService("{ hosts: [page.example.com], gateways: [page, sample/page, mesh] }") },
    },
  ],
  "virtual-service/host-not-in-gateway": [
    {
      at: "VirtualService sample/reviews spec.gateways[0]",
      severity: "warning",
      wrong: { fra: virtualService("{ hosts: [other.example.com], gateways: [page] }") },
      fine: {
        fra:
          virtualService("{ hosts: [other.example.com], gateways: [wide] }") +
          gateway(
            "wide",
            '{ selector: { istio: ingressgateway }, servers: [{ port: { number: 80, name: http, protocol: HTTP }, hosts: ["./*.example.com"] }] }',
          ),
      },
    },
  ],
  "virtual-service/internal-gateway": [
    {
      at: "VirtualService sample/reviews spec.gateways[0]",
      severity: "warning",
      wrong: {
        fra: virtualService(
          "{ hosts: [page.example.com], gateways: [page-istio-autogenerated-k8s-gateway-default] }",
        ),
      },
      fine: { fra: virtualService("{ hosts: [page.example.com], gateways: [page] }") },
    },
  ],
  "virtual-service/conflicting-hosts": [
    {
      at: "VirtualService sample/a spec.hosts",
      severity: "error",
      wrong: {
        fra:
          virtualService("{ hosts: [reviews] }", "a") +
          virtualService("{ hosts: [reviews.sample.svc.cluster.local], gateways: [mesh] }", "b"),
      },
      fine: {
        fra:
          virtualService('{ hosts: [reviews], exportTo: ["."] }', "a") +
          virtualService("{ hosts: [reviews], exportTo: [istio-system] }", "b"),
      },
    },
  ],
  "virtual-service/subset-not-at-gateway": [
    {
      at: "VirtualService sample/page spec.http[0].route[0].destination",
      severity: "warning",
      wrong: {
        fra:
          virtualService(
            "{ hosts: [reviews], http: [{ route: [{ destination: { host: reviews, subset: v1 } }] }] }",
          ) +
          destinationRule("{ host: reviews, subsets: [{ name: v1, labels: { version: v1 } }] }") +
          virtualService(
            "{ hosts: [page.example.com], gateways: [page], http: [{ route: [{ destination: { host: reviews } }] }] }",
            "page",
          ),
      },
      fine: {
        fra:
          virtualService(
            "{ hosts: [reviews], http: [{ route: [{ destination: { host: reviews, subset: v1 } }] }] }",
          ) +
          destinationRule("{ host: reviews, subsets: [{ name: v1, labels: { version: v1 } }] }") +
          virtualService(
            "{ hosts: [page.example.com], gateways: [page], http: [{ route: [{ destination: { host: reviews, subset: v1 } }] }] }",
            "page",
          ),
      },
    },
  ],
  "virtual-service/claims-without-authentication": [
    {
      at: "VirtualService sample/reviews spec.http[0].match[0].headers",
      severity: "error",
      wrong: {
        fra: virtualService(
          "{ hosts: [page.example.com], gateways: [page], http: [{ match: [{ headers: { '@request.auth.claims.group': { exact: a } } }], route: [{ destination: { host: reviews } }] }] }",
        ),
      },
      fine: {
        fra:
          virtualService(
            "{ hosts: [page.example.com], gateways: [page], http: [{ match: [{ headers: { '@request.auth.claims.group': { exact: a } } }], route: [{ destination: { host: reviews } }] }] }",
          ) +
          policy("RequestAuthentication", "{ selector: { matchLabels: { istio: ingressgateway } } }").replace(
            "namespace: sample",
            "namespace: istio-system",
          ),
      },
    },
  ],
  "gateway/no-workload": [
    {
      at: "Gateway sample/lost spec.selector",
      severity: "error",
      wrong: { fra: gateway("lost", "{ selector: { istio: nowhere }, servers: [] }") },
      // Pods of the remote are configured from fra too.
      fine: {
        fra: gateway("lost", "{ selector: { istio: far }, servers: [] }"),
        ash: deployment("far", "{ istio: far }", app),
      },
    },
  ],
  "gateway/port-not-in-service": [
    {
      at: "Gateway sample/other spec.servers[0].port.number",
      severity: "warning",
      wrong: {
        fra: gateway(
          "other",
          "{ selector: { istio: ingressgateway }, servers: [{ port: { number: 9999, name: http, protocol: HTTP }, hosts: [o.example.com] }] }",
        ),
      },
      // As the target of a port of the Service.
      fine: {
        fra: gateway(
          "other",
          "{ selector: { istio: ingressgateway }, servers: [{ port: { number: 8080, name: http, protocol: HTTP }, hosts: [o.example.com] }] }",
        ),
      },
    },
  ],
  "gateway/conflicting": [
    {
      at: "Gateway sample/page spec.servers[0].hosts",
      severity: "error",
      wrong: {
        fra: gateway(
          "other",
          "{ selector: { istio: ingressgateway }, servers: [{ port: { number: 80, name: http, protocol: HTTP }, hosts: [page.example.com] }] }",
        ),
      },
      fine: {
        fra: gateway(
          "other",
          "{ selector: { istio: ingressgateway }, servers: [{ port: { number: 443, name: http, protocol: HTTP }, hosts: [page.example.com] }] }",
        ),
      },
    },
    {
      // Other labels of the same pods.
      at: "Gateway sample/page spec.servers[0].hosts",
      severity: "error",
      wrong: {
        fra: gateway(
          "other",
          "{ selector: { app: ingress }, servers: [{ port: { number: 80, name: http, protocol: HTTP }, hosts: ['*/page.example.com'] }] }",
        ),
      },
      fine: {
        fra: gateway(
          "other",
          "{ selector: { app: egress }, servers: [{ port: { number: 80, name: http, protocol: HTTP }, hosts: [page.example.com] }] }",
        ),
      },
    },
  ],
  "gateway/unknown-credential": [
    {
      at: "Gateway sample/secure spec.servers[0].tls.credentialName",
      severity: "error",
      wrong: { fra: https("page-cert") + secret("page-cert", pair).replace("istio-system", "sample") },
      fine: { fra: https("page-cert") + secret("page-cert", pair) },
    },
  ],
  "gateway/invalid-credential": [
    {
      at: "Gateway sample/secure spec.servers[0].tls.credentialName",
      severity: "error",
      wrong: {
        fra:
          https("page-cert") +
          secret("page-cert", `{ tls.crt: ${base64("no certificate")}, tls.key: ${base64("no key")} }`),
      },
      fine: { fra: https("page-cert") + secret("page-cert", pair) },
    },
    {
      at: "Gateway sample/secure spec.servers[0].tls.credentialName",
      severity: "error",
      wrong: { fra: https("page-cert") + secret("page-cert", `{ tls.crt: ${base64(certificate)} }`) },
      fine: {
        fra: https("page-cert") + secret("page-cert", pair.replaceAll("tls.", "").replace("crt", "cert")),
      },
    },
  ],
  "gateway/same-certificate": [
    {
      at: "Gateway sample/secure spec.servers[0].tls",
      severity: "warning",
      wrong: {
        fra: `${secret("page-cert", pair)}${https("page-cert")}${https("page-cert").replace("name: secure,", "name: other,").replace("secure.example", "o.example")}`,
      },
      fine: {
        fra: `${secret("page-cert", pair)}${https("page-cert")}${https("other-cert").replace("name: secure,", "name: other,").replace("secure.example", "o.example")}${secret("other-cert", pair)}`,
      },
    },
  ],
  "sidecar/no-workload": [
    {
      at: "Sidecar sample/a spec.workloadSelector",
      severity: "error",
      wrong: { fra: istio("Sidecar", "a", "{ workloadSelector: { labels: { app: nobody } } }") },
      fine: { fra: istio("Sidecar", "a", "{ workloadSelector: { labels: { version: v2 } } }") },
    },
  ],
  "sidecar/same-workload": [
    {
      at: "Sidecar sample/a spec.workloadSelector",
      severity: "error",
      wrong: {
        fra:
          istio("Sidecar", "a", "{ workloadSelector: { labels: { app: reviews } } }") +
          istio("Sidecar", "b", "{ workloadSelector: { labels: { version: v2 } } }"),
      },
      fine: {
        fra:
          istio("Sidecar", "a", "{ workloadSelector: { labels: { version: v1 } } }") +
          istio("Sidecar", "b", "{ workloadSelector: { labels: { version: v2 } } }"),
      },
    },
  ],
  "sidecar/several-defaults": [
    {
      at: "Sidecar sample/a spec.workloadSelector",
      severity: "error",
      wrong: {
        fra: istio("Sidecar", "a", "{}") + istio("Sidecar", "b", "{ workloadSelector: { labels: {} } }"),
      },
      fine: {
        fra:
          istio("Sidecar", "a", "{}") +
          istio("Sidecar", "b", "{}").replace("namespace: sample", "namespace: istio-system"),
      },
    },
  ],
  "telemetry/no-workload": [
    {
      at: "Telemetry sample/a spec.selector",
      severity: "error",
      wrong: { fra: telemetry("a", "{ selector: { matchLabels: { app: nobody } } }") },
      fine: { fra: telemetry("a", "{ selector: { matchLabels: { app: reviews } } }") },
    },
  ],
  "telemetry/same-workload": [
    {
      at: "Telemetry sample/a spec.selector",
      severity: "error",
      wrong: {
        fra:
          telemetry("a", "{ selector: { matchLabels: { app: reviews } } }") +
          telemetry("b", "{ selector: { matchLabels: { version: v1 } } }"),
      },
      fine: { fra: telemetry("a", "{ selector: { matchLabels: { app: reviews } } }") + telemetry("b", "{}") },
    },
  ],
  "telemetry/several-defaults": [
    {
      at: "Telemetry sample/a spec.selector",
      severity: "error",
      wrong: { fra: telemetry("a", "{}") + telemetry("b", "{}") },
      fine: { fra: telemetry("a", "{}") + telemetry("b", "{ targetRefs: [{ kind: Gateway, name: page }] }") },
    },
  ],
  "telemetry/no-provider": [
    {
      at: "Telemetry sample/a spec.accessLogging[0].providers",
      severity: "warning",
      wrong: { fra: telemetry("a", "{ accessLogging: [{ filter: { expression: 'true' } }] }") },
      fine: {
        fra:
          map("istio", "  mesh: 'defaultProviders: { accessLogging: [envoy] }'") +
          telemetry("a", "{ accessLogging: [{ filter: { expression: 'true' } }] }"),
      },
    },
  ],
  "policy/unknown-namespace": [
    {
      at: "AuthorizationPolicy sample/reviews spec.rules[0].from[0].source.namespaces[1]",
      severity: "error",
      wrong: {
        fra: policy(
          "AuthorizationPolicy",
          "{ rules: [{ from: [{ source: { namespaces: [sample, smaple] } }] }] }",
        ),
      },
      // A namespace of the remote alone is one too.
      fine: {
        fra: policy(
          "AuthorizationPolicy",
          '{ rules: [{ from: [{ source: { namespaces: [far, "sam*", "*ple"] } }] }] }',
        ),
        ash: namespace("far"),
      },
    },
  ],
  "policy/no-workload": [
    {
      at: "AuthorizationPolicy sample/reviews spec.selector",
      severity: "warning",
      wrong: { fra: policy("AuthorizationPolicy", "{ selector: { matchLabels: { app: nobody } } }") },
      fine: { fra: policy("AuthorizationPolicy", "{ selector: { matchLabels: { version: v2 } } }") },
    },
    {
      // The namespace of the mesh: any namespace will do.
      at: "PeerAuthentication istio-system/reviews spec.selector",
      severity: "warning",
      wrong: {
        fra: policy("PeerAuthentication", "{ selector: { matchLabels: { app: nobody } } }").replace(
          "namespace: sample",
          "namespace: istio-system",
        ),
      },
      fine: {
        fra: policy("PeerAuthentication", "{ selector: { matchLabels: { app: reviews } } }").replace(
          "namespace: sample",
          "namespace: istio-system",
        ),
      },
    },
  ],
  "policy/selector-at-kubernetes-gateway": [
    {
      at: "AuthorizationPolicy sample/reviews spec.selector",
      severity: "warning",
      wrong: {
        fra:
          pod("front", proxied, ", labels: { app: front, gateway.networking.k8s.io/gateway-name: front }") +
          policy("AuthorizationPolicy", "{ selector: { matchLabels: { app: front } } }"),
      },
      fine: {
        fra:
          pod("front", proxied, ", labels: { app: front, gateway.networking.k8s.io/gateway-name: front }") +
          policy("AuthorizationPolicy", "{ targetRefs: [{ kind: Gateway, name: front }] }"),
      },
    },
  ],
  "policy/keys-from-anywhere": [
    {
      at: "Deployment istio-system/istiod spec.template.spec.containers[0].env",
      severity: "warning",
      wrong: {
        fra:
          deployment("istiod", "{ app: istiod }", app, ", labels: { app: istiod }", "istio-system") +
          policy("RequestAuthentication", "{ jwtRules: [{ issuer: me }] }"),
      },
      fine: {
        fra:
          deployment(
            "istiod",
            "{ app: istiod }",
            "{ containers: [{ name: discovery, env: [{ name: BLOCKED_CIDRS_IN_JWKS_URIS, value: 10.0.0.0/8 }] }] }",
            ", labels: { app: istiod }",
            "istio-system",
          ) + policy("RequestAuthentication", "{ jwtRules: [{ issuer: me }] }"),
      },
    },
  ],
  "injection/label-missing": [
    {
      at: "Namespace shop metadata.labels",
      severity: "warning",
      wrong: { fra: namespace("shop", "{ istio-injection: enabled }"), ash: namespace("shop") },
      fine: {
        fra: namespace("shop", "{ istio-injection: enabled }"),
        ash: namespace("shop", "{ istio-injection: disabled }"),
      },
    },
  ],
  "injection/namespace-not-injected": [
    {
      at: "Namespace shop metadata.labels",
      severity: "info",
      wrong: { fra: namespace("shop") },
      fine: {
        fra: namespace("shop", "{ istio.io/rev: stable }") + namespace("default") + namespace("kube-system"),
      },
    },
  ],
  "injection/by-default": [
    {
      at: "Namespace shop metadata.labels",
      severity: "info",
      wrong: {
        fra:
          namespace("shop") +
          map(
            "istio-sidecar-injector",
            "  values: 'sidecarInjectorWebhook: { enableNamespacesByDefault: true }'",
          ),
      },
      fine: { fra: namespace("shop") },
    },
  ],
  "injection/pod-without-sidecar": [
    {
      at: "Pod sample/bare",
      severity: "warning",
      wrong: { fra: pod("bare", app) },
      fine: {
        fra:
          pod("bare", app, ", labels: { sidecar.istio.io/inject: 'false' }") +
          pod("host", "{ hostNetwork: true, containers: [{ name: app }] }") +
          pod("native", "{ initContainers: [{ name: istio-proxy }], containers: [{ name: app }] }"),
      },
    },
  ],
  "injection/several-labels": [
    {
      at: "Namespace shop metadata.labels",
      severity: "warning",
      wrong: { fra: namespace("shop", "{ istio-injection: enabled, istio.io/rev: stable }") },
      fine: { fra: namespace("shop", "{ istio-injection: disabled, istio.io/rev: stable }") },
    },
  ],
  "injection/other-proxy-image": [
    {
      at: "Namespace sample",
      severity: "warning",
      wrong: {
        fra:
          pod("old", proxied) +
          map("istio-sidecar-injector", "  values: 'global: { hub: istio, tag: 1.31.0 }'"),
      },
      fine: {
        fra:
          pod("new", proxied) +
          pod("variant", proxied.replace("1.30.0", "1.30.0-distroless")) +
          map("istio-sidecar-injector", '  values: \'{"global": { "hub": "istio", "tag": "1.30.0" } }\''),
      },
    },
  ],
  "injection/invalid-webhook": [
    {
      at: "MutatingWebhookConfiguration old webhooks[0].clientConfig.service",
      severity: "error",
      wrong: {
        fra: webhook("{ name: istiod-old, namespace: istio-system }", ofRevision),
      },
      fine: {
        fra: webhook("{ name: istiod, namespace: istio-system }", ofRevision),
      },
    },
    {
      at: "MutatingWebhookConfiguration istio-sidecar-injector webhooks[0]",
      severity: "error",
      wrong: {
        fra: webhook(
          "{ name: istiod, namespace: istio-system }",
          "{ matchLabels: { istio-injection: enabled } }",
        ),
      },
      fine: {
        fra: webhook("{ name: istiod, namespace: istio-system }", ofRevision),
      },
    },
  ],
  "injection/image-auto-in-template": [
    {
      at: "Deployment shop/front spec.template.spec.containers",
      severity: "warning",
      wrong: {
        fra:
          namespace("shop") +
          deployment(
            "front",
            "{ app: front }",
            "{ containers: [{ name: istio-proxy, image: auto }] }",
            "",
            "shop",
          ),
      },
      fine: {
        fra:
          namespace("shop") +
          deployment(
            "front",
            "{ app: front, sidecar.istio.io/inject: 'true' }",
            "{ containers: [{ name: istio-proxy, image: auto }] }",
            "",
            "shop",
          ),
      },
    },
  ],
  "injection/image-auto-in-pod": [
    {
      at: "Pod sample/front spec.containers",
      severity: "error",
      wrong: { fra: pod("front", "{ containers: [{ name: istio-proxy, image: auto }] }") },
      fine: { fra: pod("front", "{ containers: [{ name: app, image: auto }] }") },
    },
  ],
  "network/unknown-registry": [
    {
      at: "ConfigMap istio-system/istio data.meshNetworks: networks.network2.endpoints[0].fromRegistry",
      severity: "error",
      wrong: {
        fra: map(
          "istio",
          "  mesh: ''\n  meshNetworks: 'networks: { network2: { endpoints: [{ fromRegistry: ahs }] } }'",
        ),
      },
      fine: {
        fra:
          map(
            "istio",
            "  mesh: ''\n  meshNetworks: 'networks: { network2: { endpoints: [{ fromRegistry: ash }] } }'",
          ) + secret("remote", "{ ash: eA== }", ", labels: { istio/multiCluster: 'true' }"),
      },
    },
  ],
  "object/invalid": [
    {
      // A field that does not exist: kubectl would refuse it.
      at: "VirtualService sample/reviews spec.htpp",
      severity: "error",
      wrong: { fra: virtualService("{ hosts: [reviews], htpp: [] }") },
      fine: {
        fra: virtualService("{ hosts: [reviews], http: [{ route: [{ destination: { host: reviews } }] }] }"),
      },
    },
    {
      // A type that does not fit.
      at: "Gateway sample/other spec.servers[0].port.number",
      severity: "error",
      wrong: {
        fra: gateway(
          "other",
          "{ selector: { app: ingress }, servers: [{ port: { number: eighty, name: http, protocol: HTTP }, hosts: [o.example.com] }] }",
        ),
      },
      fine: {
        fra: gateway(
          "other",
          "{ selector: { app: ingress }, servers: [{ port: { number: 80, name: http, protocol: HTTP }, hosts: [o.example.com] }] }",
        ),
      },
    },
    {
      // What only istiod's webhook would refuse.
      at: "VirtualService sample/reviews spec.http[0].timeout",
      severity: "error",
      wrong: {
        fra: virtualService(
          "{ hosts: [reviews], http: [{ timeout: 1us, route: [{ destination: { host: reviews } }] }] }",
        ),
      },
      fine: {
        fra: virtualService(
          "{ hosts: [reviews], http: [{ timeout: 1s, route: [{ destination: { host: reviews } }] }] }",
        ),
      },
    },
  ],
  "virtual-service/unreachable-rule": [
    {
      at: "VirtualService sample/reviews spec.http[1]",
      severity: "warning",
      wrong: {
        fra: virtualService(
          "{ hosts: [reviews], http: [{ route: [{ destination: { host: reviews } }] }, { name: late, route: [{ destination: { host: reviews } }] }] }",
        ),
      },
      fine: {
        fra: virtualService(
          "{ hosts: [reviews], http: [{ match: [{ uri: { prefix: /a } }], route: [{ destination: { host: reviews } }] }, { route: [{ destination: { host: reviews } }] }] }",
        ),
      },
    },
  ],
  "virtual-service/ineffective-match": [
    {
      at: "VirtualService sample/reviews spec.http[1].match[0]",
      severity: "info",
      wrong: {
        fra: virtualService(
          "{ hosts: [reviews], http: [{ match: [{ uri: { prefix: /a } }], route: [{ destination: { host: reviews } }] }, { match: [{ uri: { prefix: /a } }, { uri: { prefix: /b } }], route: [{ destination: { host: reviews } }] }] }",
        ),
      },
      fine: {
        fra: virtualService(
          "{ hosts: [reviews], http: [{ match: [{ uri: { prefix: /a } }], route: [{ destination: { host: reviews } }] }, { match: [{ uri: { prefix: /b } }], route: [{ destination: { host: reviews } }] }] }",
        ),
      },
    },
  ],
  "object/doubtful": [
    {
      // Failover that never happens.
      at: "DestinationRule sample/reviews spec.trafficPolicy.loadBalancer.localityLbSetting",
      severity: "warning",
      wrong: {
        fra: destinationRule(
          "{ host: reviews, trafficPolicy: { loadBalancer: { localityLbSetting: { failover: [{ from: eu, to: us }] } } } }",
        ),
      },
      fine: {
        fra: destinationRule(
          "{ host: reviews, trafficPolicy: { outlierDetection: { consecutive5xxErrors: 1 }, loadBalancer: { localityLbSetting: { failover: [{ from: eu, to: us }] } } } }",
        ),
      },
    },
  ],
  "annotation/misplaced": [
    {
      at: 'Service sample/s metadata.annotations["sidecar.istio.io/logLevel"]',
      severity: "warning",
      wrong: {
        fra: service("s", "{ ports: [{ name: http, port: 1 }] }").replace(
          "sample }",
          "sample, annotations: { sidecar.istio.io/logLevel: debug } }",
        ),
      },
      fine: { fra: pod("p", proxied, ", annotations: { sidecar.istio.io/logLevel: debug }") },
    },
  ],
  "annotation/unknown": [
    {
      at: 'Pod sample/p metadata.annotations["sidecar.istio.io/logLevl"]',
      severity: "warning",
      wrong: { fra: pod("p", proxied, ", annotations: { sidecar.istio.io/logLevl: debug }") },
      fine: {
        fra: pod(
          "p",
          proxied,
          ", annotations: { example.com/logLevl: debug, sidecar.istio.io/status: '{}' }",
        ),
      },
    },
  ],
  "annotation/invalid": [
    ["readiness.status.sidecar.istio.io/periodSeconds", "often", "5"],
    ["sidecar.istio.io/interceptionMode", "IPTABLES", "TPROXY"],
    ["sidecar.istio.io/proxyCPU", "lots", "100m"],
    ["status.sidecar.istio.io/port", "70000", "0"],
    ["prometheus.istio.io/merge-metrics", "maybe", "false"],
    ["traffic.sidecar.istio.io/includeInboundPorts", "http", "*"],
    ["traffic.sidecar.istio.io/excludeInboundPorts", "*", "80,443"],
    ["traffic.sidecar.istio.io/includeOutboundIPRanges", "10.0.0.0", "10.0.0.0/8,fd00::/8"],
    ["traffic.sidecar.istio.io/excludeOutboundIPRanges", "10.0.0.0/33", ""],
  ].map(
    ([name, wrong, fine]): Case => ({
      at: `Pod sample/p metadata.annotations["${name}"]`,
      severity: "warning",
      wrong: { fra: pod("p", proxied, `, annotations: { ${name}: '${wrong}' }`) },
      fine: { fra: pod("p", proxied, `, annotations: { ${name}: '${fine}' }`) },
    }),
  ),
  "annotation/deprecated": [
    {
      at: 'Pod sample/p metadata.annotations["sidecar.istio.io/inject"]',
      severity: "info",
      wrong: { fra: pod("p", app, ", annotations: { sidecar.istio.io/inject: 'false' }") },
      fine: {
        fra: pod(
          "p",
          app,
          ", annotations: { sidecar.istio.io/inject: 'false' }, labels: { sidecar.istio.io/inject: 'false' }",
        ),
      },
    },
  ],
  "workload/port-with-two-protocols": [
    {
      at: "Deployment sample/reviews-v1 spec.template.metadata.labels",
      severity: "warning",
      wrong: {
        fra: service(
          "dns",
          "{ selector: { app: reviews }, ports: [{ name: udp, port: 9080, targetPort: 53, protocol: UDP }] }",
        ),
      },
      fine: {
        fra: service(
          "dns",
          "{ selector: { app: reviews }, ports: [{ name: udp, port: 53, protocol: UDP }] }",
        ),
      },
    },
  ],
  "workload/target-port-of-two-ports": [
    {
      at: "Deployment sample/reviews-v1 spec.template.metadata.labels",
      severity: "warning",
      wrong: {
        fra: service(
          "two",
          "{ selector: { app: reviews }, ports: [{ name: http, port: 80, targetPort: 9080 }] }",
        ),
      },
      fine: {
        fra: service(
          "two",
          "{ selector: { app: reviews }, ports: [{ name: http, port: 80, targetPort: 8080 }] }",
        ),
      },
    },
  ],
  "workload/reserved-user": [
    {
      at: "Deployment sample/root spec.template.spec.containers[0].securityContext.runAsUser",
      severity: "warning",
      wrong: {
        fra: deployment(
          "root",
          "{ app: root }",
          "{ containers: [{ name: app, securityContext: { runAsUser: 1337 } }] }",
        ),
      },
      fine: {
        fra: deployment(
          "root",
          "{ app: root }",
          "{ containers: [{ name: app, securityContext: { runAsUser: 1338 } }, { name: istio-proxy, securityContext: { runAsUser: 1337 } }] }",
        ),
      },
    },
  ],
  "service/port-name": [
    {
      at: "Service sample/s spec.ports[0].name",
      severity: "info",
      wrong: { fra: service("s", "{ ports: [{ name: web, port: 80 }] }") },
      fine: {
        fra: service(
          "s",
          "{ ports: [{ name: web, port: 80, appProtocol: http }, { name: grpc-api, port: 81 }] }",
        ),
      },
    },
  ],
  "service/external-name-port": [
    {
      at: "Service sample/s spec.ports[0]",
      severity: "warning",
      wrong: {
        fra: service(
          "s",
          "{ type: ExternalName, externalName: example.com, ports: [{ name: tcp, port: 80 }] }",
        ),
      },
      fine: {
        fra: service(
          "s",
          "{ type: ExternalName, externalName: example.com, ports: [{ name: http, port: 80 }] }",
        ),
      },
    },
  ],
  "service/inconsistent": [
    {
      at: "Service sample/s spec.ports",
      severity: "warning",
      wrong: {
        fra: service("s", "{ ports: [{ name: http, port: 80 }] }"),
        ash: service("s", "{ ports: [{ name: http, port: 80, targetPort: 8080 }] }"),
      },
      fine: {
        fra: service("s", "{ ports: [{ name: http, port: 80 }, { name: grpc, port: 81 }] }"),
        ash: service(
          "s",
          "{ ports: [{ name: grpc, port: 81 }, { name: http, port: 80, targetPort: 80, nodePort: 30080 }] }",
        ),
      },
    },
    {
      at: "Service sample/s spec.clusterIP",
      severity: "warning",
      wrong: { fra: service("s", "{ clusterIP: None }"), ash: service("s", "{ clusterIP: 10.0.0.1 }") },
      fine: {
        fra: service("s", "{ clusterIP: 10.1.0.1 }"),
        ash: service("s", "{ clusterIP: 10.0.0.1, type: ClusterIP }"),
      },
    },
  ],
  "service-entry/address-needed": [
    {
      at: "ServiceEntry sample/db spec.ports[0]",
      severity: "warning",
      wrong: {
        fra: serviceEntry(
          "db",
          "{ hosts: [db.example.com], ports: [{ number: 5432, name: db, protocol: TCP }] }",
        ),
      },
      fine: {
        fra:
          serviceEntry(
            "db",
            "{ hosts: [db.example.com], addresses: [10.0.0.1], ports: [{ number: 5432, name: one, protocol: TCP }] }",
          ) +
          serviceEntry(
            "web",
            "{ hosts: [web.example.com], ports: [{ number: 80, name: one, protocol: HTTP }] }",
          ),
      },
    },
    {
      at: "ServiceEntry sample/db spec.ports[0]",
      severity: "warning",
      wrong: {
        fra:
          map("istio", "  mesh: 'defaultConfig: { proxyMetadata: { ISTIO_META_DNS_CAPTURE: \"true\" } }'") +
          serviceEntry("db", "{ hosts: [db.example.com], ports: [{ number: 5432, name: db }] }"),
      },
      fine: {
        fra:
          map(
            "istio",
            '  mesh: \'defaultConfig: { proxyMetadata: { ISTIO_META_DNS_CAPTURE: "true", ISTIO_META_DNS_AUTO_ALLOCATE: "true" } }\'',
          ) + serviceEntry("db", "{ hosts: [db.example.com], ports: [{ number: 5432, name: db }] }"),
      },
    },
  ],
  "service-entry/conflicting-protocols": [
    {
      at: "ServiceEntry sample/a spec.ports[0].protocol",
      severity: "warning",
      wrong: {
        fra:
          serviceEntry(
            "a",
            "{ hosts: [x.example.com], ports: [{ number: 443, name: one, protocol: HTTPS }] }",
          ) +
          serviceEntry("b", "{ hosts: [x.example.com], ports: [{ number: 443, name: one, protocol: TLS }] }"),
      },
      fine: {
        fra:
          serviceEntry(
            "a",
            "{ hosts: [x.example.com], ports: [{ number: 443, name: one, protocol: HTTPS }] }",
          ) +
          serviceEntry(
            "b",
            "{ hosts: [x.example.com], ports: [{ number: 443, name: one, protocol: https }, { number: 80, name: two, protocol: HTTP }] }",
          ),
      },
    },
  ],
  "destination-rule/unknown-host": [
    {
      at: "DestinationRule sample/reviews spec.host",
      severity: "warning",
      wrong: { fra: destinationRule("{ host: revews }") },
      fine: { fra: destinationRule('{ host: "*.local" }') },
    },
  ],
  "destination-rule/subset-without-pods": [
    {
      at: "DestinationRule sample/reviews spec.subsets[1]",
      severity: "error",
      wrong: {
        fra: destinationRule(
          "{ host: reviews, subsets: [{ name: v2, labels: { version: v2 } }, { name: v3, labels: { version: v3 } }] }",
        ),
      },
      // The pods of v2 are in the remote; so is everything of the cluster ash.
      fine: {
        fra: destinationRule(
          "{ host: reviews, subsets: [{ name: v2, labels: { version: v2 } }, { name: ash, labels: { topology.istio.io/cluster: ash } }] }",
        ),
      },
    },
  ],
  "destination-rule/server-not-verified": [
    {
      at: "DestinationRule sample/reviews spec.trafficPolicy.tls",
      severity: "warning",
      wrong: { fra: destinationRule("{ host: reviews, trafficPolicy: { tls: { mode: SIMPLE } } }") },
      fine: {
        fra: destinationRule(
          "{ host: reviews, trafficPolicy: { tls: { mode: SIMPLE, caCertificates: /etc/ca.pem } } }",
        ),
      },
    },
  ],
  "destination-rule/port-not-verified": [
    {
      at: "DestinationRule sample/reviews spec.trafficPolicy.portLevelSettings[0].tls",
      severity: "warning",
      wrong: {
        fra: destinationRule(
          "{ host: reviews, trafficPolicy: { portLevelSettings: [{ port: { number: 443 }, tls: { mode: MUTUAL } }] } }",
        ),
      },
      fine: {
        fra: destinationRule(
          "{ host: reviews, trafficPolicy: { portLevelSettings: [{ port: { number: 443 }, tls: { mode: ISTIO_MUTUAL } }] } }",
        ),
      },
    },
  ],
  "envoy-filter/relative-operation": [
    {
      at: "EnvoyFilter sample/filter spec.configPatches[0]",
      severity: "warning",
      wrong: {
        fra: patch("{ applyTo: HTTP_FILTER, patch: { operation: INSERT_BEFORE, value: { name: lua } } }"),
      },
      fine: {
        fra: patch(
          "{ applyTo: HTTP_FILTER, patch: { operation: INSERT_BEFORE, value: { name: lua } } }",
          "priority: 10, ",
        ),
      },
    },
  ],
  "envoy-filter/relative-operation-by-version": [
    {
      at: "EnvoyFilter sample/filter spec.configPatches[1]",
      severity: "warning",
      wrong: {
        fra: patch(
          "{ applyTo: HTTP_FILTER, match: { proxy: { proxyVersion: '^1.30' } }, patch: { operation: ADD, value: { name: lua } } }, { applyTo: HTTP_FILTER, patch: { operation: INSERT_AFTER, value: { name: lua } } }",
        ),
      },
      fine: {
        fra: patch(
          "{ applyTo: HTTP_FILTER, match: { proxy: { proxyVersion: '^1.30' } }, patch: { operation: ADD, value: { name: wasm } } }, { applyTo: HTTP_FILTER, patch: { operation: INSERT_AFTER, value: { name: lua } } }",
        ),
      },
    },
  ],
  "envoy-filter/replace-not-applied": [
    {
      at: "EnvoyFilter sample/filter spec.configPatches[0]",
      severity: "error",
      wrong: { fra: patch("{ applyTo: CLUSTER, patch: { operation: REPLACE } }") },
      fine: { fra: patch("{ applyTo: VIRTUAL_HOST, patch: { operation: REPLACE } }") },
    },
  ],
  "envoy-filter/add-not-applied": [
    {
      at: "EnvoyFilter sample/filter spec.configPatches[0]",
      severity: "error",
      wrong: { fra: patch("{ applyTo: HTTP_ROUTE, patch: { operation: ADD } }") },
      fine: { fra: patch("{ applyTo: CLUSTER, patch: { operation: ADD } }") },
    },
  ],
  "envoy-filter/remove-not-applied": [
    {
      at: "EnvoyFilter sample/filter spec.configPatches[0]",
      severity: "error",
      wrong: { fra: patch("{ applyTo: ROUTE_CONFIGURATION, patch: { operation: REMOVE } }") },
      fine: { fra: patch("{ applyTo: HTTP_FILTER, patch: { operation: REMOVE } }") },
    },
  ],
  "object/negative-condition": [
    {
      at: "Service sample/s status.conditions",
      severity: "warning",
      wrong: {
        fra: service(
          "s",
          "{}\nstatus: { conditions: [{ type: istio.io/WaypointBound, status: 'False', reason: 'No' }] }",
        ),
      },
      fine: {
        fra: service(
          "s",
          "{}\nstatus: { conditions: [{ type: istio.io/WaypointBound, status: 'True', reason: 'Yes' }] }",
        ),
      },
    },
  ],
};

function webhook(service: string, namespaces: string): string {
  return `apiVersion: admissionregistration.k8s.io/v1
kind: MutatingWebhookConfiguration
metadata: { name: old }
webhooks: [{ name: old.istio.io, clientConfig: { service: ${service} }, namespaceSelector: ${namespaces} }]
---
`;
}

suite("findings with a code of Istio's", () => {
  test("nothing is found in the mesh that the cases start from", () => {
    assert.deepEqual(findIn({}), []);
  });

  test("every code has a case", () => {
    assert.deepEqual(Object.keys(cases).sort(), Object.keys(istioCodes).sort());
  });

  for (const [code, list] of Object.entries(cases))
    list.forEach(({ at, severity, wrong, fine }, index) => {
      test(`${code} (${istioCodes[code]}), case ${index + 1}: found at its field, and not where nothing is wrong`, () => {
        const findings = findIn(wrong);
        const found = findings.filter((one) => one.code === code);
        const places = found.map(({ objects: [first] }) => {
          const name = first?.namespace === undefined ? first?.name : `${first.namespace}/${first.name}`;
          return [first?.kind, name, first?.path].filter((text) => text !== undefined).join(" ");
        });
        assert.ok(places.includes(at), JSON.stringify(findings, undefined, 2));
        for (const one of found) {
          assert.equal(one.severity, severity);
          assert.equal(one.istioCode, istioCodes[code]);
          assert.ok(
            one.evidence.length > 0 && one.fix !== "" && !/undefined|\[object/.test(JSON.stringify(one)),
          );
        }
        const others = findIn(fine);
        assert.deepEqual(
          others.filter((one) => one.code === code),
          [],
        );
      });
    });
});
