// The built-in proxy beside Envoy on the same paths: plain HTTP, two mTLS hops, TCP through an SNI gateway. "metrics" is
// "mtls" with Istio's metrics counted by both proxies, on the built-in one alone.
//
//   node bench/proxy.mjs [--envoy PATH] [--seconds 3] [--rounds 2] [--only mtls,metrics,http,sni] [--profile]
//
// Needs wrk. Every proxy is one process with one thread; wrk and the app share the machine's cores with them, so
// requests a second are no saturation figures: compare CPU per request.
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { build } from "esbuild";

const { values: options } = parseArgs({
  options: {
    envoy: { type: "string", default: process.env.ENVOY_PATH ?? "" },
    seconds: { type: "string", default: "3" },
    rounds: { type: "string", default: "2" },
    only: { type: "string", default: "http,mtls,metrics,sni" },
    profile: { type: "boolean", default: false },
  },
});
const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
if (spawnSync("wrk", ["--version"]).error !== undefined) {
  console.log("\nproxy: left out, since it needs wrk on the PATH");
  process.exit();
}
console.log(
  `\nproxy: requests a second, latency, and CPU of each proxy on the way${options.envoy === "" ? " (set ENVOY_PATH to see Envoy beside it)" : ", Envoy beside it"}`,
);
const work = mkdtempSync(path.join(tmpdir(), "isthmus-bench-"));
const testdata = path.join(root, "src/proxy/testdata");
const running = [];

await build({
  entryPoints: [path.join(root, "bench/proxy-worker.ts"), path.join(root, "bench/proxy-certificates.ts")],
  outdir: work,
  bundle: true,
  platform: "node",
  format: "esm",
  outExtension: { ".js": ".mjs" },
  banner: {
    js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);',
  },
});
execFileSync(process.execPath, [path.join(work, "proxy-certificates.mjs"), work]);

try {
  for (const scene of options.only.split(",")) {
    console.log(`\n${scene}`);
    for (let round = 0; round < Number(options.rounds); round++) {
      await measure(scene, "builtin");
      if (existsSync(options.envoy) && scene !== "metrics") await measure(scene, "envoy");
    }
  }
} finally {
  for (const { child } of running) child.kill("SIGKILL");
  if (!options.profile) rmSync(work, { recursive: true, force: true });
  else console.log(`profiles are in ${work}`);
}

async function measure(scene, kind) {
  const [app, near, far, gateway] = await freePorts(4);
  await startWorker("app", { role: "app", port: app }, false);
  const start = kind === "envoy" ? startEnvoy : startBuiltin;
  const proxies = [];
  if (scene === "http") proxies.push(await start("outbound-plain", near, app));
  if (scene === "sni") proxies.push(await start("gateway", gateway, far));
  if (scene !== "http") {
    const counts = scene === "metrics";
    proxies.push(await start("outbound-mtls", near, scene === "sni" ? gateway : far, counts));
    proxies.push(await start("inbound", far, app, counts));
  }
  const load = (seconds) =>
    execFileSync(
      "wrk",
      [
        "-t1",
        "-c32",
        `-d${seconds}s`,
        "--latency",
        "-H",
        "Host: helloworld.sample:5000",
        `http://127.0.0.1:${near}/hello`,
      ],
      { encoding: "utf8" },
    );
  load(1);
  const before = proxies.map(({ child }) => cpuMilliseconds(child.pid));
  const report = load(Number(options.seconds));
  const used = proxies.map(({ child }, index) => cpuMilliseconds(child.pid) - before[index]);
  const requests = Number(/([0-9]+) requests in/.exec(report)?.[1]);
  const failed =
    /Non-2xx or 3xx responses: ([0-9]+)/.exec(report)?.[1] ?? /Socket errors:.*/.exec(report)?.[0] ?? "";
  const latency = (percent) => new RegExp(`${percent}%\\s+([0-9.a-z]+)`).exec(report)?.[1] ?? "?";
  const each = used.map((one) => ((one / requests) * 1000).toFixed(0)).join(" + ");
  console.log(
    `  ${kind.padEnd(8)} ${String(Math.round(requests / Number(options.seconds))).padStart(7)} rps   p50 ${latency(50).padEnd(8)} p99 ${latency(99).padEnd(8)} CPU ms per 1,000 requests: ${each}${failed === "" ? "" : `   FAILED ${failed}`}`,
  );
  for (const { child } of running.splice(0)) {
    child.kill(options.profile ? "SIGTERM" : "SIGKILL");
    await new Promise((resolve) => child.once("exit", resolve));
  }
}

function cpuMilliseconds(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1].split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

async function startWorker(name, settings, profiled) {
  const flags = profiled
    ? ["--cpu-prof", `--cpu-prof-dir=${work}`, `--cpu-prof-name=${name}.cpuprofile`]
    : [];
  const child = spawn(
    process.execPath,
    [...flags, path.join(work, "proxy-worker.mjs"), JSON.stringify(settings)],
    {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    },
  );
  running.push({ child });
  await new Promise((resolve) => child.once("message", resolve));
  return { child };
}

function startBuiltin(role, port, to, countsMetrics = false) {
  const golden = JSON.parse(
    readFileSync(
      path.join(
        testdata,
        `a-multinetwork--${role === "inbound" ? "helloworld-cluster2" : role === "gateway" ? "eastwest-cluster2" : "sleep-cluster1"}.json`,
      ),
      "utf8",
    ),
  );
  const map = { "10.20.1.10:5000": to, "172.18.2.1:15443": to };
  if (role.startsWith("outbound")) {
    for (const endpoint of golden.endpoint) {
      if (!endpoint.clusterName.includes("5000||helloworld")) continue;
      endpoint.endpoints = endpoint.endpoints.slice(1);
      if (role === "outbound-plain") for (const one of endpoint.endpoints[0].lbEndpoints) delete one.metadata;
    }
  }
  if (countsMetrics) addMetrics(golden.listener);
  const file = path.join(work, `${role}.json`);
  writeFileSync(file, JSON.stringify(golden));
  const isServer = role === "inbound";
  return startWorker(
    role,
    {
      role: "proxy",
      port,
      golden: file,
      side: isServer ? "inbound" : role === "gateway" ? "gateway" : "outbound",
      destination: isServer ? { address: "10.20.1.10", port: 5000 } : { address: "10.1.0.10", port: 5000 },
      map,
      chain: path.join(work, isServer ? "helloworld.pem" : "sleep.pem"),
      key: path.join(work, isServer ? "helloworld.key" : "sleep.key"),
      root: path.join(work, "root.pem"),
    },
    options.profile,
  );
}

/** Puts the filter that counts Istio's metrics before the router of every HTTP connection manager below `part`. */
function addMetrics(part) {
  if (typeof part !== "object" || part === null) return;
  part.httpFilters?.splice(-1, 0, {
    name: "istio.stats",
    typedConfig: {
      "@type": "type.googleapis.com/udpa.type.v1.TypedStruct",
      typeUrl: "type.googleapis.com/stats.PluginConfig",
      value: {},
    },
  });
  for (const inner of Object.values(part)) addMetrics(inner);
}

async function startEnvoy(role, port, to) {
  const file = path.join(work, `envoy-${role}.json`);
  writeFileSync(file, JSON.stringify(envoyConfig(role, port, to)));
  const child = spawn(
    options.envoy,
    ["-c", file, "--concurrency", "1", "-l", "error", "--disable-hot-restart"],
    {
      stdio: ["ignore", "ignore", "inherit"],
    },
  );
  running.push({ child });
  const socket = await import("node:net");
  for (let tries = 0; tries < 200; tries++) {
    const open = await new Promise((resolve) => {
      const probe = socket.connect(port, "127.0.0.1", () => resolve(true));
      probe.on("error", () => resolve(false));
      probe.on("connect", () => probe.destroy());
    });
    if (open) break;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  return { child };
}

/** The same path as istiod's resources describe it, in Envoy's own static form and without Istio's filters. */
function envoyConfig(role, port, to) {
  const sni = "outbound_.5000_._.helloworld.sample.svc.cluster.local";
  const type = (name) => `type.googleapis.com/envoy.extensions.${name}`;
  const address = (at) => ({ socket_address: { address: "127.0.0.1", port_value: at } });
  const name = role === "inbound" ? "helloworld" : "sleep";
  const common = {
    tls_certificates: [
      {
        certificate_chain: { filename: path.join(work, `${name}.pem`) },
        private_key: { filename: path.join(work, `${name}.key`) },
      },
    ],
    validation_context: {
      trusted_ca: { filename: path.join(work, "root.pem") },
      match_typed_subject_alt_names: [
        {
          san_type: "URI",
          matcher:
            role === "inbound"
              ? { prefix: "spiffe://cluster.local/" }
              : { exact: "spiffe://cluster.local/ns/sample/sa/helloworld" },
        },
      ],
    },
  };
  const cluster = {
    name: "to",
    type: "STATIC",
    connect_timeout: "10s",
    lb_policy: "LEAST_REQUEST",
    load_assignment: {
      cluster_name: "to",
      endpoints: [{ lb_endpoints: [{ endpoint: { address: address(to) } }] }],
    },
  };
  if (role === "outbound-mtls") {
    cluster.transport_socket = {
      name: "envoy.transport_sockets.tls",
      typed_config: {
        "@type": type("transport_sockets.tls.v3.UpstreamTlsContext"),
        common_tls_context: { ...common, alpn_protocols: ["istio-http/1.1", "istio", "http/1.1"] },
        sni,
      },
    };
  }
  const retry =
    role === "inbound"
      ? { retry_on: "reset-before-request", num_retries: 2 }
      : {
          retry_on: "connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes",
          num_retries: 2,
        };
  const http = {
    name: "envoy.filters.network.http_connection_manager",
    typed_config: {
      "@type": type("filters.network.http_connection_manager.v3.HttpConnectionManager"),
      stat_prefix: role,
      normalize_path: true,
      use_remote_address: false,
      stream_idle_timeout: "0s",
      ...(role === "inbound"
        ? {
            forward_client_cert_details: "APPEND_FORWARD",
            set_current_client_cert_details: { subject: true, uri: true, dns: true },
          }
        : {}),
      route_config: {
        virtual_hosts: [
          {
            name: "hello",
            domains: ["helloworld.sample:5000", "helloworld.sample", "helloworld"],
            include_request_attempt_count: true,
            routes: [
              { match: { prefix: "/" }, route: { cluster: "to", timeout: "0s", retry_policy: retry } },
            ],
          },
        ],
      },
      http_filters: [
        {
          name: "envoy.filters.http.fault",
          typed_config: { "@type": type("filters.http.fault.v3.HTTPFault") },
        },
        { name: "envoy.filters.http.cors", typed_config: { "@type": type("filters.http.cors.v3.Cors") } },
        {
          name: "envoy.filters.http.router",
          typed_config: { "@type": type("filters.http.router.v3.Router") },
        },
      ],
    },
  };
  const tcp = {
    name: "envoy.filters.network.tcp_proxy",
    typed_config: {
      "@type": type("filters.network.tcp_proxy.v3.TcpProxy"),
      stat_prefix: role,
      cluster: "to",
    },
  };
  const inspector = {
    name: "envoy.filters.listener.tls_inspector",
    typed_config: { "@type": type("filters.listener.tls_inspector.v3.TlsInspector") },
  };
  const chain =
    role === "gateway"
      ? {
          filter_chain_match: { server_names: [sni], application_protocols: ["istio", "istio-http/1.1"] },
          filters: [tcp],
        }
      : role === "inbound"
        ? {
            filter_chain_match: { transport_protocol: "tls" },
            filters: [http],
            transport_socket: {
              name: "envoy.transport_sockets.tls",
              typed_config: {
                "@type": type("transport_sockets.tls.v3.DownstreamTlsContext"),
                require_client_certificate: true,
                common_tls_context: { ...common, alpn_protocols: ["h2", "http/1.1"] },
              },
            },
          }
        : { filters: [http] };
  return {
    static_resources: {
      clusters: [cluster],
      listeners: [
        {
          name: role,
          address: address(port),
          listener_filters: role.startsWith("outbound") ? [] : [inspector],
          filter_chains: [chain],
        },
      ],
    },
  };
}

async function freePorts(count) {
  const servers = await Promise.all(
    Array.from(
      { length: count },
      () =>
        new Promise((resolve) => {
          const server = createServer().listen(0, "127.0.0.1", () => resolve(server));
        }),
    ),
  );
  const ports = servers.map((server) => server.address().port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
