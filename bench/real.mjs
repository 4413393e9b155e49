// What plan and apply cost on clusters that are known by a kubeconfig only: time, and requests to each API server.
//
//   node bench/real.mjs [--clusters 20] [--latency 100]
//
// The mesh runs in a process of its own. Latency, in milliseconds a round trip, is added between the command and every API.
// Everything is applied already: what is measured is asking, comparing and applying again.
import { execFile, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import https from "node:https";
import net from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs, promisify } from "node:util";
import { parse, stringify } from "yaml";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const program = path.join(root, "bin/isthmus");
const { values } = parseArgs({
  options: { clusters: { type: "string", default: "20" }, latency: { type: "string", default: "100" } },
});
const count = Number(values.clusters);
const latency = Number(values.latency);
const row = (what, value, note = "") => console.log(`  ${what.padEnd(62)} ${value.padStart(12)}   ${note}`);
const run = promisify(execFile);

const folder = mkdtempSync(path.join(tmpdir(), "isthmus-bench-real-"));
const names = Array.from({ length: count }, (_, i) => `c${i + 1}`);

/** The mesh file: a control plane each on one flat network, and an app in all of them. */
function writeMesh(servers) {
  const clusters = Object.fromEntries(names.map((name) => [name, servers ? { server: servers[name] } : {}]));
  const mesh = {
    apiVersion: "isthmus.dev/v1alpha1",
    kind: "Mesh",
    name: "bench",
    namespaces: ["sample"],
    manifests: [{ file: "app.yaml", namespace: "sample" }],
    clusters,
  };
  writeFileSync(path.join(folder, "mesh.yaml"), stringify(mesh));
}

function writeApp() {
  const objects = Array.from({ length: 20 }, (_, i) => ({
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: `settings-${i}` },
    data: { value: String(i) },
  }));
  writeFileSync(path.join(folder, "app.yaml"), objects.map((object) => stringify(object)).join("---\n"));
}

/** Passes bytes on after half of the latency, each way. */
async function slowWay(to) {
  const server = net.createServer((near) => {
    const far = net.connect({ host: to.hostname, port: Number(to.port) });
    for (const [from, into] of [
      [near, far],
      [far, near],
    ]) {
      from.on("data", (bytes) => setTimeout(() => into.destroyed || into.write(bytes), latency / 2));
      from.on("close", () => setTimeout(() => into.destroy(), latency / 2));
      from.on("error", () => into.destroy());
    }
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server;
}

/** Requests that an API server has answered so far, watches left out. */
async function requestsOf({ cluster, user }) {
  const url = new URL(`${cluster.server}/metrics`);
  const decode = (text) => Buffer.from(text, "base64").toString();
  const text = await new Promise((resolve, reject) => {
    https
      .get(
        url,
        {
          ca: decode(cluster["certificate-authority-data"]),
          cert: decode(user["client-certificate-data"]),
          key: decode(user["client-key-data"]),
        },
        async (answer) => resolve(Buffer.concat(await answer.toArray()).toString()),
      )
      .on("error", reject);
  });
  return text
    .split("\n")
    .filter((line) => line.startsWith("apiserver_request_total{") && !/verb="WATCH"/.test(line))
    .reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0);
}

writeMesh(undefined);
writeApp();
const ways = [];
const up = spawnSync(process.execPath, [program, "up", "--detach", "--timeout", "180"], {
  cwd: folder,
  encoding: "utf8",
});
try {
  if (up.status !== 0) throw new Error(up.stderr);
  const config = parse(readFileSync(path.join(folder, ".isthmus/kubeconfig"), "utf8"));
  const entries = config.clusters.map(({ name, cluster }, i) => ({
    name,
    cluster,
    user: config.users[i].user,
  }));
  writeMesh(Object.fromEntries(entries.map(({ name, cluster }) => [name, cluster.server])));
  const slow = structuredClone(config);
  for (const { cluster } of slow.clusters) {
    const way = await slowWay(new URL(cluster.server));
    ways.push(way);
    cluster.server = `https://127.0.0.1:${way.address().port}`;
    cluster["tls-server-name"] = "kubernetes";
  }
  writeFileSync(path.join(folder, "slow"), stringify(slow), { mode: 0o600 });

  console.log(
    `\n${count} clusters, everything applied already; ${latency} ms a round trip is added where it says so`,
  );
  for (const [what, args, kubeconfig] of [
    ["plan", ["plan"], ".isthmus/kubeconfig"],
    [`plan, ${latency} ms away`, ["plan"], "slow"],
    ["apply", ["apply"], ".isthmus/kubeconfig"],
    [`apply, ${latency} ms away`, ["apply"], "slow"],
  ]) {
    const before = await Promise.all(entries.map(requestsOf));
    // What the clusters' own controllers and control planes ask meanwhile is measured over the same time, and taken off.
    const began = performance.now();
    await run(process.execPath, [program, ...args, "--kubeconfig", kubeconfig], { cwd: folder });
    const time = performance.now() - began;
    const after = await Promise.all(entries.map(requestsOf));
    await new Promise((resolve) => setTimeout(resolve, time));
    const idle = await Promise.all(entries.map(requestsOf));
    const each = after.map((value, i) => value - (before[i] ?? 0) - ((idle[i] ?? 0) - value));
    const mean = each.reduce((sum, value) => sum + value, 0) / count;
    const atOnce = (mean * count * latency) / time;
    row(
      what,
      `${(time / 1000).toFixed(2)} s`,
      `${mean.toFixed(0)} requests a cluster${kubeconfig === "slow" ? `, ${atOnce.toFixed(0)} under way at once` : ""}`,
    );
  }
} catch (reason) {
  console.error(reason.stderr ?? reason);
  process.exitCode = 1;
} finally {
  for (const way of ways) way.close();
  spawnSync(process.execPath, [program, "down"], { cwd: folder });
  rmSync(folder, { recursive: true, force: true });
  process.exit();
}
