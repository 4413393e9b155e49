// Generates types and descriptors for xDS from the protos that @grpc/grpc-js-xds ships, into src/xds/gen
// (ignored by git). Runs again only when its inputs change.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { writeLazyModules } from "./xds-modules.mjs";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const out = path.join(root, "src/xds/gen");
const work = path.join(root, "node_modules/.cache/isthmus-protos");
const shipped = path.join(root, "node_modules/@grpc/grpc-js-xds/deps");
const own = path.join(root, "src/xds/proto");

/** Files whose messages isthmus sends, reads or shows. Their imports are generated as well. */
const wanted = [
  "envoy/service/discovery/v3/discovery.proto",
  "envoy/service/status/v3/csds.proto",
  "envoy/admin/v3/config_dump.proto",
  "envoy/admin/v3/config_dump_shared.proto",
  "envoy/admin/v3/clusters.proto",
  "envoy/config/bootstrap/v3/bootstrap.proto",
  "envoy/config/cluster/v3/cluster.proto",
  "envoy/config/endpoint/v3/endpoint.proto",
  "envoy/config/listener/v3/listener.proto",
  "envoy/config/route/v3/route.proto",
  "envoy/config/route/v3/scoped_route.proto",
  "envoy/config/rbac/v3/rbac.proto",
  "envoy/config/trace/v3/datadog.proto",
  "envoy/config/trace/v3/opentelemetry.proto",
  "envoy/config/trace/v3/skywalking.proto",
  "envoy/config/trace/v3/zipkin.proto",
  "envoy/extensions/access_loggers/file/v3/file.proto",
  "envoy/extensions/access_loggers/stream/v3/stream.proto",
  "envoy/extensions/filters/http/cors/v3/cors.proto",
  "envoy/extensions/filters/http/fault/v3/fault.proto",
  "envoy/extensions/filters/http/grpc_stats/v3/config.proto",
  "envoy/extensions/filters/http/jwt_authn/v3/config.proto",
  "envoy/extensions/filters/http/lua/v3/lua.proto",
  "envoy/extensions/filters/http/rbac/v3/rbac.proto",
  "envoy/extensions/filters/http/router/v3/router.proto",
  "envoy/extensions/filters/http/set_filter_state/v3/set_filter_state.proto",
  "envoy/extensions/filters/network/set_filter_state/v3/set_filter_state.proto",
  "envoy/extensions/filters/listener/http_inspector/v3/http_inspector.proto",
  "envoy/extensions/filters/listener/original_dst/v3/original_dst.proto",
  "envoy/extensions/filters/listener/proxy_protocol/v3/proxy_protocol.proto",
  "envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector.proto",
  "envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.proto",
  "envoy/extensions/filters/network/rbac/v3/rbac.proto",
  "envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy.proto",
  "envoy/extensions/http/header_formatters/preserve_case/v3/preserve_case.proto",
  "envoy/extensions/network/dns_resolver/cares/v3/cares_dns_resolver.proto",
  "envoy/extensions/path/match/uri_template/v3/uri_template_match.proto",
  "envoy/extensions/request_id/uuid/v3/uuid.proto",
  "envoy/extensions/retry/host/previous_hosts/v3/previous_hosts.proto",
  "envoy/extensions/retry/priority/previous_priorities/v3/previous_priorities_config.proto",
  "envoy/extensions/transport_sockets/proxy_protocol/v3/upstream_proxy_protocol.proto",
  "envoy/extensions/transport_sockets/raw_buffer/v3/raw_buffer.proto",
  "envoy/extensions/transport_sockets/tls/v3/tls.proto",
  "envoy/extensions/transport_sockets/tls/v3/secret.proto",
  "envoy/extensions/transport_sockets/internal_upstream/v3/internal_upstream.proto",
  "envoy/extensions/tracers/opentelemetry/resource_detectors/v3/dynatrace_resource_detector.proto",
  "envoy/extensions/tracers/opentelemetry/resource_detectors/v3/environment_resource_detector.proto",
  "envoy/extensions/tracers/opentelemetry/samplers/v3/dynatrace_sampler.proto",
  "envoy/extensions/upstreams/http/v3/http_protocol_options.proto",
  "envoy/extensions/load_balancing_policies/least_request/v3/least_request.proto",
  "envoy/extensions/load_balancing_policies/round_robin/v3/round_robin.proto",
  "udpa/type/v1/typed_struct.proto",
  "xds/type/v3/typed_struct.proto",
  "opentelemetry/proto/trace/v1/trace.proto",
  "istio/v1/auth/ca.proto",
  "istio/envoy/config/filter/http/alpn/v2alpha1/config.proto",
  "istio/networking/nds/v1/nds.proto",
];

/** Fields of newer Envoys that Istio sets and that the shipped protos don't have yet. */
const newerFields = [
  {
    file: "envoy/config/cluster/v3/circuit_breaker.proto",
    message: "message RetryBudget {",
    name: "budget_interval",
    text: "google.protobuf.Duration budget_interval = 3;",
    imports: ["google/protobuf/duration.proto"],
  },
  {
    file: "envoy/extensions/upstreams/http/v3/http_protocol_options.proto",
    message: "message HttpProtocolOptions {",
    name: "outlier_detection",
    text: `message OutlierDetection {
      config.common.matcher.v3.MatchPredicate error_matcher = 1;
    }
    OutlierDetection outlier_detection = 8;`,
    imports: ["envoy/config/common/matcher/v3/matcher.proto"],
  },
  {
    file: "envoy/config/trace/v3/zipkin.proto",
    message: "message ZipkinConfig {",
    name: "trace_context_option",
    text: `enum TraceContextOption {
      USE_B3 = 0;
      USE_B3_WITH_W3C_PROPAGATION = 1;
    }
    TraceContextOption trace_context_option = 8;
    core.v3.HttpService collector_service = 9;`,
    imports: ["envoy/config/core/v3/http_service.proto"],
  },
  {
    file: "envoy/type/tracing/v3/custom_tag.proto",
    message: "oneof type {",
    name: "value",
    text: "string value = 6;",
  },
  {
    file: "envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.proto",
    message: "message Tracing {",
    name: "no_context_propagation",
    text: "bool no_context_propagation = 13;",
  },
];

/** With import_extension=js, since without it TypeScript takes types of other files for `any`. */
const options = ["target=js+dts", "import_extension=js"];

const ownFiles = readdirSync(own, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
const stamp = createHash("sha256")
  .update(readFileSync(fileURLToPath(import.meta.url)))
  .update(readFileSync(path.join(root, "scripts/xds-modules.mjs")))
  .update(readFileSync(path.join(root, "node_modules/@grpc/grpc-js-xds/package.json")))
  .update(readFileSync(path.join(root, "node_modules/@bufbuild/protoc-gen-es/package.json")))
  .update(ownFiles.map((entry) => readFileSync(path.join(entry.parentPath, entry.name), "utf8")).join("\n"))
  .digest("hex");
const stampFile = path.join(out, ".stamp");

if (!existsSync(stampFile) || readFileSync(stampFile, "utf8") !== stamp) await generate();

async function generate() {
  rmSync(work, { recursive: true, force: true });
  mkdirSync(work, { recursive: true });
  for (const module of ["envoy-api", "googleapis", "protoc-gen-validate", "xds"])
    cpSync(path.join(shipped, module), work, { recursive: true });
  cpSync(own, work, { recursive: true });
  stripValidation(work);
  for (const field of newerFields) addField(work, field);
  writeFileSync(path.join(work, "buf.yaml"), "version: v2\nmodules:\n  - path: .\n");
  writeFileSync(
    path.join(work, "buf.gen.yaml"),
    JSON.stringify({
      version: "v2",
      plugins: [
        {
          local: path.join(root, "node_modules/.bin/protoc-gen-es"),
          out: "gen",
          strategy: "all",
          include_imports: true,
          opt: options,
        },
      ],
    }),
  );
  execFileSync(
    path.join(root, "node_modules/.bin/buf"),
    ["generate", ...wanted.flatMap((file) => ["--path", file])],
    {
      cwd: work,
      stdio: ["ignore", "inherit", "inherit"],
      env: { ...process.env, BUF_CACHE_DIR: path.join(work, ".cache") },
    },
  );
  const made = path.join(work, "made");
  await writeLazyModules(path.join(work, "gen"), made, wanted, "../lazy-descriptors.ts");
  writeFileSync(path.join(made, ".stamp"), stamp);
  // Both renames take a moment only, so that a test run at the same time finds one or the other.
  if (existsSync(out)) renameSync(out, path.join(work, "old"));
  renameSync(made, out);
  rmSync(work, { recursive: true, force: true });
}

/** Puts a field into a message of a shipped proto that has none of that name yet. */
function addField(folder, { file, message, name, text, imports = [] }) {
  const target = path.join(folder, file);
  const shippedText = readFileSync(target, "utf8");
  const [declared = ""] = new RegExp(`\\b${name} = \\d+;`).exec(text) ?? [];
  if (new RegExp(`\\b${declared}`).test(shippedText)) return;
  if (!shippedText.includes(message)) throw new Error(`${file} has no "${message}"`);
  const imported = imports.filter((other) => !shippedText.includes(`import "${other}"`));
  writeFileSync(
    target,
    shippedText
      .replace(message, `${message}\n${text}\n`)
      .replace(/^package .*$/m, (line) =>
        [line, ...imported.map((other) => `import "${other}";`)].join("\n"),
      ),
  );
}

/**
 * The shipped validate.proto lacks one option that the shipped Envoy protos use. Adding the field is the
 * smallest mend; the options themselves have no meaning at run time.
 */
function stripValidation(folder) {
  const file = path.join(folder, "validate/validate.proto");
  const text = readFileSync(file, "utf8");
  if (text.includes("ignore_empty = 26")) return;
  writeFileSync(
    file,
    text.replace(/message StringRules \{/, "message StringRules {\n    optional bool ignore_empty = 26;"),
  );
}
