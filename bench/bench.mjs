// Measures what the product promises, as figures and ratios of this run. Nothing here passes or fails.
//
//   npm run bench                          all
//   npm run bench -- start change          some: start, change, discovery, api-server, proxy, fleet, real, telemetry,
//                                          console
//   node bench/discovery.mjs --size M …    one with options of its own, which the head of its file lists
//
// docs/benchmarks.md says what is measured, beside what, and how to read it.
import { fork, spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import http from "node:http";
import https from "node:https";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const program = path.join(root, "bin/isthmus");
const hello = "http://helloworld.sample:5000/hello";
const wanted = process.argv.slice(2);

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
const row = (what, value, note = "") => console.log(`  ${what.padEnd(62)} ${value.padStart(12)}   ${note}`);
const ms = (value) => `${value.toFixed(value < 10 ? 1 : 0)} ms`;

/** Runs the oke example in a folder of its own; `ready` has the time from process start to the first answer that crossed. */
async function startMesh() {
  const folder = mkdtempSync(path.join(tmpdir(), "isthmus-bench-"));
  cpSync(path.join(root, "examples/oke"), folder, {
    recursive: true,
    filter: (source) => !/\/(\.isthmus|certs)$/.test(source),
  });
  const started = performance.now();
  const child = fork(program, ["up", "--timings"], {
    cwd: folder,
    stdio: ["ignore", "ignore", "pipe", "ipc"],
  });
  let timings = "";
  child.stderr.on("data", (chunk) => {
    timings += chunk;
  });
  await new Promise((resolve, reject) => {
    child.on("message", (message) => {
      if (message.kind === "ready") resolve();
      if (message.kind === "failed") reject(new Error(message.message));
    });
    child.on("exit", () => reject(new Error(`the engine ended: ${timings}`)));
  });
  const readyAfter = performance.now() - started;
  const clusters = kubeconfig(folder);
  const client = await podAddress(clusters.fra, "app=curl");
  let answer = "";
  while (!answer.includes("version: v2")) answer = await through(client, hello);
  const stop = async () => {
    child.removeAllListeners("exit");
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGTERM");
    await ended;
    rmSync(folder, { recursive: true, force: true });
  };
  return {
    child,
    clusters,
    client,
    readyAfter,
    firstCrossing: performance.now() - started,
    timings: () => timings,
    stop,
  };
}

/** Clusters of the kubeconfig as functions that send one request. */
function kubeconfig(folder) {
  const config = parse(readFileSync(path.join(folder, ".isthmus/kubeconfig"), "utf8"));
  const decode = (text) => Buffer.from(text, "base64").toString();
  return Object.fromEntries(
    config.clusters.map(({ name, cluster }, i) => {
      const user = config.users[i].user;
      const agent = new https.Agent({
        keepAlive: true,
        ca: decode(cluster["certificate-authority-data"]),
        cert: decode(user["client-certificate-data"]),
        key: decode(user["client-key-data"]),
      });
      const call = (method, url, body, type = "application/merge-patch+json") =>
        new Promise((resolve, reject) => {
          const request = https.request(
            `${cluster.server}${url}`,
            { method, agent, headers: { "content-type": type } },
            (response) => {
              let text = "";
              response.on("data", (chunk) => {
                text += chunk;
              });
              response.on("end", () =>
                response.statusCode < 300 ? resolve(JSON.parse(text)) : reject(new Error(text)),
              );
            },
          );
          request.on("error", reject);
          request.end(body === undefined ? undefined : JSON.stringify(body));
        });
      return [name, call];
    }),
  );
}

async function podAddress(call, selector) {
  const { items } = await call(
    "GET",
    `/api/v1/namespaces/sample/pods?labelSelector=${encodeURIComponent(selector)}`,
  );
  return items[0].status.podIP;
}

/** One GET on a connection of its own, from inside a pod through its sidecar. */
function through(pod, url) {
  return new Promise((resolve) => {
    const request = http.request(
      {
        host: pod,
        port: 15080,
        path: url,
        headers: { host: new URL(url).host, connection: "close" },
        agent: false,
      },
      (response) => {
        let text = "";
        response.on("data", (chunk) => {
          text += chunk;
        });
        response.on("end", () => resolve(text));
      },
    );
    request.on("error", (reason) => resolve(String(reason)));
    request.end();
  });
}

function memory(pid) {
  const field = (file, name) =>
    Number(
      new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(readFileSync(`/proc/${pid}/${file}`, "utf8"))?.[1] ?? 0,
    ) / 1024;
  return { rss: field("status", "VmRSS"), pss: field("smaps_rollup", "Pss") };
}

async function benchStart() {
  console.log("\nstart: up of examples/oke");
  const bare = median(
    Array.from({ length: 7 }, () => {
      const began = performance.now();
      spawnSync(process.execPath, ["-e", "0"]);
      return performance.now() - began;
    }),
  );
  const runs = [];
  let timings = "";
  let memories = { rss: 0, pss: 0 };
  for (let i = 0; i < 5; i++) {
    const mesh = await startMesh();
    runs.push([mesh.readyAfter, mesh.firstCrossing]);
    timings = mesh.timings();
    memories = memory(mesh.child.pid);
    await mesh.stop();
  }
  const crossing = median(runs.map(([, value]) => value));
  row(
    "process start to the first answer across clusters, median of 5",
    ms(crossing),
    `goal 1,000 ms; ${(20_000 / crossing).toFixed(0)} × faster than three empty virtual clusters (20 s, as recorded)`,
  );
  row("everything ready", ms(median(runs.map(([value]) => value))));
  row("a bare Node process, start to end", ms(bare), `${(crossing / bare).toFixed(1)} of them make a mesh`);
  row("memory of the mesh (RSS)", `${memories.rss.toFixed(0)} MB`, "goal 200 MB");
  row("memory of the mesh (PSS)", `${memories.pss.toFixed(0)} MB`);
  console.log(
    timings
      .split("\n")
      .filter((line) => /^ +[\d.]+ m?s /.test(line))
      .join("\n"),
  );
}

async function benchChange() {
  console.log("\nchange to effect: from sending the change to the first request that shows it");
  const mesh = await startMesh();
  const { fra } = mesh.clusters;
  const deployment = "/apis/apps/v1/namespaces/sample/deployments/helloworld-v1";
  const scaleTo = (replicas) => fra("PATCH", `${deployment}/scale`, { spec: { replicas } });
  const answersUntil = async (isShown) => {
    for (;;) if (isShown(await through(mesh.client, hello))) return;
  };
  const scaling = [];
  for (let i = 0; i < 15; i++) {
    const { items } = await fra("GET", "/api/v1/namespaces/sample/pods?labelSelector=version%3Dv1");
    const known = new Set(items.map(({ metadata }) => metadata.name));
    const began = performance.now();
    await scaleTo(2);
    // Four callers at once: a request must not miss the new pod by chance for long.
    let shown = false;
    const isNew = (text) => {
      const name = /instance: (\S+)/.exec(text)?.[1] ?? "";
      shown ||= name.startsWith("helloworld-v1-") && !known.has(name);
      return shown;
    };
    await Promise.any(Array.from({ length: 4 }, () => answersUntil(isNew)));
    scaling.push(performance.now() - began);
    await scaleTo(1);
    let pods = 2;
    while (pods > 1)
      pods = (await fra("GET", "/api/v1/namespaces/sample/pods?labelSelector=version%3Dv1")).items.length;
  }
  row("scale 1 → 2 until the new pod answers, median of 15", ms(median(scaling)), "goal 50 ms");

  const host = "helloworld.sample.svc.cluster.local";
  const subset = (version) => ({ name: version, labels: { version } });
  await fra(
    "POST",
    "/apis/networking.istio.io/v1/namespaces/sample/destinationrules",
    {
      apiVersion: "networking.istio.io/v1",
      kind: "DestinationRule",
      metadata: { name: "bench" },
      spec: { host, subsets: [subset("v1"), subset("v2")] },
    },
    "application/json",
  );
  const route = (version) => [{ route: [{ destination: { host, subset: version } }] }];
  const services = "/apis/networking.istio.io/v1/namespaces/sample/virtualservices";
  await fra(
    "POST",
    services,
    {
      apiVersion: "networking.istio.io/v1",
      kind: "VirtualService",
      metadata: { name: "bench" },
      spec: { hosts: [host], http: route("v1") },
    },
    "application/json",
  );
  await answersUntil((text) => text.includes("version: v1"));
  const editing = [];
  for (let i = 0; i < 20; i++) {
    const version = i % 2 === 0 ? "v2" : "v1";
    const began = performance.now();
    await fra("PATCH", `${services}/bench`, { spec: { http: route(version) } });
    await answersUntil((text) => text.includes(`version: ${version}`));
    editing.push(performance.now() - began);
  }
  row(
    "VirtualService edit until the answer changes, median of 20",
    ms(median(editing)),
    "goal 50 ms; istiod alone waits 100 ms before it sends",
  );
  await mesh.stop();
}

/** Runs a bench that is a program of its own, with what it prints. */
function benchProgram(file) {
  return async () => {
    const { status } = spawnSync(process.execPath, [path.join(root, "bench", file)], { stdio: "inherit" });
    if (status !== 0) process.exitCode = 1;
  };
}

const parts = {
  start: benchStart,
  change: benchChange,
  discovery: benchProgram("discovery.mjs"),
  "api-server": benchProgram("api-server.mjs"),
  proxy: benchProgram("proxy.mjs"),
  fleet: benchProgram("fleet.mjs"),
  real: benchProgram("real.mjs"),
  telemetry: benchProgram("telemetry.mjs"),
  console: benchProgram("console.mjs"),
};
const unknown = wanted.filter((name) => !(name in parts));
if (unknown.length > 0) {
  console.error(`no bench "${unknown.join('", "')}": ${Object.keys(parts).join(", ")}`);
  process.exit(2);
}
for (const [name, measure] of Object.entries(parts))
  if (wanted.length === 0 || wanted.includes(name)) await measure();
