import type { Case } from "../case.ts";
import { destinationRule, to, virtualService } from "./objects.ts";

const solo = (more: string) => virtualService("solo", `[${to("solo", more)}]`);

/** Faults, timeouts, retries and mirrors. */
export const faultCases: readonly Case[] = [
  {
    name: "a fault aborts requests with a status",
    proxy: "client",
    objects: solo("fault: {abort: {percentage: {value: 100}, httpStatus: 418}}"),
    steps: [
      {
        ask: "GET solo/",
        answer: {
          status: 418,
          body: "fault filter abort",
          app: "",
          flags: "FI",
          headers: { "content-type": "text/plain" },
          log: { details: "fault_filter_abort" },
        },
      },
    ],
  },
  {
    name: "a fault aborts gRPC with a gRPC status",
    proxy: "client",
    objects: virtualService(
      "grpc",
      `[${to("grpc", "fault: {abort: {percentage: {value: 100}, grpcStatus: UNAVAILABLE}}")}]`,
    ),
    steps: [
      {
        ask: "POST grpc/a.B/C",
        http2: true,
        headers: { "content-type": "application/grpc", te: "trailers" },
        body: "x",
        answer: {
          status: 200,
          app: "",
          flags: "FI",
          headers: { "grpc-status": "14", "grpc-message": /fault filter abort/ },
        },
      },
    ],
  },
  {
    name: "a fault of 0 percent does nothing",
    proxy: "client",
    objects: solo("fault: {abort: {percentage: {value: 0}, httpStatus: 418}}"),
    steps: [{ ask: "GET solo/", times: 5, answer: { status: 200, app: { s: 5 } } }],
  },
  {
    name: "a fault delays requests, and then lets them through",
    proxy: "client",
    objects: solo("fault: {delay: {percentage: {value: 100}, fixedDelay: 0.15s}}"),
    steps: [{ ask: "GET solo/", answer: { status: 200, app: "s", flags: "DI", took: [140, 1000] } }],
  },
  {
    name: "a fault that delays and aborts does both",
    proxy: "client",
    objects: solo(
      "fault: {delay: {percentage: {value: 100}, fixedDelay: 0.1s}, abort: {percentage: {value: 100}, httpStatus: 400}}",
    ),
    steps: [{ ask: "GET solo/", answer: { status: 400, app: "", flags: "DI,FI", took: [90, 1000] } }],
  },
  {
    name: "faults meet only the requests that their route matches",
    proxy: "client",
    objects: virtualService(
      "solo",
      `[{match: [{headers: {end-user: {exact: jason}}}], fault: {abort: {percentage: {value: 100}, httpStatus: 500}}, route: [{destination: {host: solo}}]}, ${to("solo")}]`,
    ),
    steps: [
      { ask: "GET solo/", headers: { "end-user": "jason" }, answer: { status: 500, app: "", flags: "FI" } },
      { ask: "GET solo/", answer: { status: 200, app: "s" } },
    ],
  },
  {
    name: "a timeout ends a request that takes too long with 504",
    proxy: "client",
    objects: solo("timeout: 0.4s"),
    apps: { s: ["hang"] },
    steps: [
      {
        ask: "GET solo/",
        answer: {
          status: 504,
          body: "upstream request timeout",
          app: "s",
          flags: "UT",
          took: [390, 2500],
          seen: { headers: { "x-envoy-expected-rq-timeout-ms": "400" } },
          log: { details: "response_timeout" },
        },
      },
    ],
  },
  {
    name: "a timeout is told to the app and leaves quick answers alone",
    proxy: "client",
    objects: solo("timeout: 2s"),
    steps: [
      {
        ask: "GET solo/",
        answer: { status: 200, seen: { headers: { "x-envoy-expected-rq-timeout-ms": "2000" } } },
      },
    ],
  },
  {
    name: "a sidecar takes no time limit from the request's headers",
    proxy: "client",
    apps: { s: ["hang"] },
    steps: [
      {
        ask: "GET solo/",
        headers: { "x-envoy-upstream-rq-timeout-ms": "80" },
        givesUpAfter: 500,
        answer: { status: 0, flags: "DC", log: { details: "downstream_remote_disconnect" } },
      },
    ],
  },
  {
    name: "an app that breaks off before its answer gives 503, and nothing is tried again",
    proxy: "client",
    apps: { s: ["reset"] },
    steps: [
      {
        ask: "GET solo/",
        answer: {
          status: 503,
          body: /^upstream connect error or disconnect\/reset before headers\. reset reason: connection termination$/,
          flags: "UC",
          app: { s: 1 },
          log: { details: "upstream_reset_before_response_started{connection_termination}", attempts: 1 },
        },
      },
    ],
  },
  {
    name: "nobody listens: the connection is tried again twice, then 503",
    proxy: "client",
    steps: [
      {
        ask: "GET gone/",
        answer: {
          status: 503,
          body: /delayed connect error|remote connection failure|upstream connect error/,
          app: "",
          flags: "URX,UF",
          log: { attempts: 3 },
        },
      },
    ],
  },
  {
    name: "503 is not tried again on Istio's own terms",
    proxy: "client",
    apps: { s: [503, 200] },
    steps: [{ ask: "GET solo/", answer: { status: 503, app: { s: 1 } } }],
  },
  {
    name: "500 is not tried again unless a route says so",
    proxy: "client",
    apps: { s: [500, 200] },
    steps: [{ ask: "GET solo/", answer: { status: 500, app: { s: 1 } } }],
  },
  {
    name: "a route's retries are tried, and their number is told to apps",
    proxy: "client",
    objects: solo("retries: {attempts: 3, retryOn: 5xx}"),
    apps: { s: [500, 502, 500, 200] },
    steps: [
      {
        ask: "GET solo/",
        answer: { status: 200, app: { s: 4 }, log: { attempts: 4 } },
      },
    ],
  },
  {
    name: "retries that are used up give the last answer and say URX",
    proxy: "client",
    objects: solo("retries: {attempts: 1, retryOn: 5xx}"),
    apps: { s: [500] },
    steps: [
      {
        ask: "GET solo/",
        answer: { status: 500, body: "s", app: { s: 2 }, flags: "URX", log: { details: "via_upstream" } },
      },
    ],
  },
  {
    name: "attempts of 0 switch retries off",
    proxy: "client",
    objects: solo("retries: {attempts: 0}"),
    apps: { s: [503] },
    steps: [{ ask: "GET solo/", answer: { status: 503, app: { s: 1 } } }],
  },
  {
    name: "statuses in retryOn are tried again",
    proxy: "client",
    objects: solo('retries: {attempts: 2, retryOn: "retriable-4xx,418"}'),
    apps: { s: [418, 409, 200] },
    steps: [{ ask: "GET solo/", answer: { status: 200, app: { s: 3 } } }],
  },
  {
    name: "gateway-error tries 502, 503 and 504 again, and not 500",
    proxy: "client",
    objects: solo("retries: {attempts: 5, retryOn: gateway-error}"),
    apps: { s: [502, 504, 503, 500] },
    steps: [{ ask: "GET solo/", answer: { status: 500, app: { s: 4 } } }],
  },
  {
    name: "a try that takes longer than perTryTimeout is tried again",
    proxy: "client",
    objects: solo("retries: {attempts: 2, perTryTimeout: 0.4s, retryOn: 5xx}, timeout: 2s"),
    apps: { s: ["hang", 200] },
    steps: [{ ask: "GET solo/", answer: { status: 200, app: { s: 2 }, took: [390, 2500] } }],
  },
  {
    name: "perTryTimeout without tries left gives 504",
    proxy: "client",
    objects: solo("retries: {attempts: 1, perTryTimeout: 0.4s, retryOn: 5xx}"),
    apps: { s: ["hang"] },
    steps: [
      {
        ask: "GET solo/",
        answer: { status: 504, body: "upstream request timeout", app: { s: 2 }, flags: "URX,UT" },
      },
    ],
  },
  {
    name: "the whole timeout counts over all tries",
    proxy: "client",
    objects: solo("retries: {attempts: 10, perTryTimeout: 0.25s, retryOn: 5xx}, timeout: 0.6s"),
    apps: { s: ["hang"] },
    steps: [
      { ask: "GET solo/", answer: { status: 504, app: { s: [1, 3] }, flags: "UT", took: [580, 2500] } },
    ],
  },
  {
    name: "a body is sent again with each try",
    proxy: "client",
    objects: solo("retries: {attempts: 2, retryOn: 5xx}"),
    apps: { s: [500, 200] },
    steps: [
      {
        ask: "POST solo/",
        body: "payload",
        answer: { status: 200, app: { s: 2 }, seen: { body: "payload" } },
      },
    ],
  },
  {
    name: "a chunked body is sent again with each try",
    proxy: "client",
    objects: solo("retries: {attempts: 2, retryOn: 5xx}"),
    apps: { s: [500, 200] },
    steps: [
      {
        ask: "POST solo/",
        chunks: ["pay", "load"],
        answer: { status: 200, app: { s: 2 }, seen: { body: "payload" } },
      },
    ],
  },
  {
    name: "a sidecar takes no retries from the request's headers",
    proxy: "client",
    objects: solo("retries: {attempts: 0}"),
    apps: { s: [500, 200] },
    steps: [
      {
        ask: "GET solo/",
        headers: { "x-envoy-retry-on": "5xx", "x-envoy-max-retries": "1" },
        answer: {
          status: 500,
          app: { s: 1 },
          seen: { headers: { "x-envoy-retry-on": null, "x-envoy-max-retries": null } },
        },
      },
    ],
  },
  {
    name: "requests are mirrored under their own host, and the answers to copies are dropped",
    proxy: "client",
    objects: solo("mirror: {host: other}, mirrorPercentage: {value: 100}"),
    apps: { o: [500] },
    steps: [
      {
        ask: "POST solo/x?y=1",
        body: "copy",
        answer: { status: 200, app: "s", also: ["o POST solo/x?y=1"] },
      },
      { ask: "GET solo.shop:80/z", answer: { status: 200, app: "s", also: ["o GET solo.shop:80/z"] } },
    ],
  },
  {
    name: "several mirrors get copies, each by its share",
    proxy: "client",
    objects:
      destinationRule("web", "subsets: [{name: v1, labels: {version: v1}}]") +
      solo(
        "mirrors: [{destination: {host: other}, percentage: {value: 100}}, {destination: {host: web, subset: v1}, percentage: {value: 100}}, {destination: {host: grpc}, percentage: {value: 0}}]",
      ),
    steps: [
      {
        ask: "GET solo/",
        answer: { status: 200, app: "s", also: ["o GET solo/", "a GET solo/"] },
      },
    ],
  },
  {
    name: "a mirror that hangs or is not there does not hold anything up",
    proxy: "client",
    objects: solo(
      "mirrors: [{destination: {host: gone}}, {destination: {host: empty}}, {destination: {host: other}}]",
    ),
    apps: { o: ["hang"] },
    steps: [{ ask: "GET solo/", answer: { status: 200, app: "s", also: ["o GET solo/"], took: [0, 1500] } }],
  },
];
