import assert from "node:assert/strict";
import { suite, test } from "vitest";
import type { AccessLog } from "../../xds/gen/envoy/config/accesslog/v3/accesslog_pb.js";
import { FileAccessLogSchema } from "../../xds/gen/envoy/extensions/access_loggers/file/v3/file_pb.js";
import { accessLogs } from "./access-log.ts";
import { logFilter } from "./log-filter.ts";
import { hasPrometheusMetrics, type TelemetrySide } from "./telemetry-rules.ts";
import { unpack } from "./test-support/describe.ts";
import { proxyOf, worldOf } from "./test-support/make-world.ts";

const telemetry = (spec: string, namespace = "sample", name = "t") => `
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: ${name}, namespace: ${namespace}}
spec: {${spec}}
---`;
const providers = `
extensionProviders:
- {name: one, envoyFileAccessLog: {path: /one}}
- {name: two, envoyFileAccessLog: {path: /two, omitEmptyValues: true}}
- {name: prometheus, prometheus: {}}
`;
const pathOf = ({ configType }: AccessLog) =>
  unpack(configType.case === "typedConfig" ? configType.value : undefined, FileAccessLogSchema).path;
const logs = (yaml: string, mesh: string, side: TelemetrySide, labels = {}) =>
  accessLogs(worldOf(yaml, mesh).rules, proxyOf({ labels }), side);
const paths = (...of: Parameters<typeof logs>) => logs(...of).map(pathOf);

suite("who logs requests", () => {
  const root = (spec: string) => telemetry(spec, "istio-system", "root");
  const cases = [
    { title: "nobody without a file or a provider", yaml: "", mesh: providers, client: [], server: [] },
    {
      title: "MeshConfig's file",
      yaml: "",
      mesh: "accessLogFile: /mesh",
      client: ["/mesh"],
      server: ["/mesh"],
    },
    {
      title: "MeshConfig's providers before its file",
      yaml: "",
      mesh: `accessLogFile: /mesh\ndefaultProviders: {accessLogging: [two, one]}${providers}`,
      client: ["/one", "/two"],
      server: ["/one", "/two"],
    },
    {
      title: "the providers of a Telemetry before those",
      yaml: telemetry("accessLogging: [{providers: [{name: two}]}]"),
      mesh: `accessLogFile: /mesh${providers}`,
      client: ["/two"],
      server: ["/two"],
    },
    {
      title: "each on the side that it is for",
      yaml: telemetry(
        "accessLogging: [{providers: [{name: one}], match: {mode: CLIENT}}, {providers: [{name: two}], match: {mode: SERVER}}]",
      ),
      mesh: providers,
      client: ["/one"],
      server: ["/two"],
    },
    {
      title: "nobody where a namespace switches the mesh's off",
      yaml:
        root("accessLogging: [{providers: [{name: one}]}]") + telemetry("accessLogging: [{disabled: true}]"),
      mesh: providers,
      client: [],
      server: [],
    },
    {
      title: "the namespace's instead of the mesh's",
      yaml:
        root("accessLogging: [{providers: [{name: one}]}]") +
        telemetry("accessLogging: [{providers: [{name: two}]}]"),
      mesh: providers,
      client: ["/two"],
      server: ["/two"],
    },
    {
      title: "one side of the mesh's alone where a workload switches the other off",
      yaml:
        root("accessLogging: [{providers: [{name: one}]}]") +
        telemetry(
          "selector: {matchLabels: {app: web}}, accessLogging: [{disabled: true, match: {mode: CLIENT}}]",
        ),
      mesh: providers,
      client: [],
      server: ["/one"],
    },
  ];
  for (const { title, yaml, mesh, client, server } of cases) {
    test(title, () => {
      assert.deepEqual(paths(yaml, mesh, "CLIENT", { app: "web" }), client);
      assert.deepEqual(paths(yaml, mesh, "SERVER", { app: "web" }), server);
    });
  }

  test("a filter goes with its provider", () => {
    const yaml = telemetry(
      'accessLogging: [{providers: [{name: one}, {name: two}]}, {providers: [{name: two}], filter: {expression: "response.code >= 400"}}]',
    );
    const found = logs(yaml, providers, "CLIENT").map((log) => [
      pathOf(log),
      log.filter?.filterSpecifier.case,
    ]);
    assert.deepEqual(found, [
      ["/one", undefined],
      ["/two", "statusCodeFilter"],
    ]);
  });
});

suite("logFilter()", () => {
  /** Whether an exchange that ended with `code` is logged. */
  const passes = (filter: ReturnType<typeof logFilter>, code: number): boolean => {
    const specifier = filter?.filterSpecifier;
    if (specifier?.case === "andFilter")
      return specifier.value.filters?.every((inner) => passes(inner as typeof filter, code)) === true;
    if (specifier?.case === "orFilter")
      return specifier.value.filters?.some((inner) => passes(inner as typeof filter, code)) === true;
    assert.ok(specifier?.case === "statusCodeFilter");
    const { op = 0, value } = specifier.value.comparison ?? {};
    const limit = value?.defaultValue ?? 0;
    return op === 0 ? code === limit : op === 1 ? code >= limit : code <= limit;
  };
  const cases: readonly (readonly [string, readonly number[]])[] = [
    ["response.code >= 400", [400, 500]],
    ["response.code > 400", [500]],
    ["response.code == 200", [200]],
    ["response.code != 200", [100, 400, 500]],
    ["response.code<400", [100, 200]],
    ["response.code <= 200 || response.code == 500", [100, 200, 500]],
    ["response.code >= 200 && response.code < 500", [200, 400]],
    ["(response.code == 100 || response.code == 200) && response.code != 100", [200]],
  ];
  for (const [expression, codes] of cases) {
    test(`${expression} logs ${codes.join(", ")} of 100, 200, 400 and 500`, () => {
      const filter = logFilter(expression);
      assert.deepEqual(
        [100, 200, 400, 500].filter((code) => passes(filter, code)),
        codes,
      );
    });
  }

  test.each([
    "request.path == '/x'",
    "response.code",
    "response.code >= 400 &&",
    "(response.code >= 400",
    "response.code >= 400)",
    "response.code >= code",
    "!(response.code >= 400)",
    "",
  ])("%j is nothing that it can say", (expression) => {
    assert.equal(logFilter(expression), undefined);
  });
});

suite("metrics", () => {
  const counts = (spec: string) => {
    const { rules } = worldOf(telemetry(spec), `defaultProviders: {metrics: [prometheus]}${providers}`);
    return [
      hasPrometheusMetrics(rules, proxyOf(), "CLIENT"),
      hasPrometheusMetrics(rules, proxyOf(), "SERVER"),
    ];
  };
  test("are counted on both sides, but where a Telemetry switches all of them off", () => {
    assert.deepEqual(counts("tracing: []"), [true, true]);
    assert.deepEqual(counts("metrics: [{overrides: [{disabled: true}]}]"), [false, false]);
    assert.deepEqual(counts("metrics: [{overrides: [{match: {mode: SERVER}, disabled: true}]}]"), [
      true,
      false,
    ]);
    assert.deepEqual(counts("metrics: [{overrides: [{match: {metric: REQUEST_COUNT}, disabled: true}]}]"), [
      true,
      true,
    ]);
    assert.deepEqual(counts("metrics: [{providers: [{name: other}]}]"), [false, false]);
  });
});
