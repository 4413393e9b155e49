/** Measures the embedded API server under the load with which kube-apiserver was measured. */
import path from "node:path";
import { parseArgs } from "node:util";
import { formatTable, median, quantile, ratio, short } from "../figures.ts";
import { cpuSeconds, residentMegabytes, startProgram } from "../process.ts";
import type { ApiAddress, ServerRequest } from "../servers.ts";
import { createLoadClient, type LoadClient } from "./load.ts";
import { isBetterHigher, recordedFigures } from "./recorded.ts";

const { values: options } = parseArgs({
  options: {
    configmaps: { type: "string", default: "2000" },
    pods: { type: "string", default: "5000" },
    connections: { type: "string", default: "16" },
    runs: { type: "string", default: "3" },
    profile: { type: "string" },
  },
});
const count = Number(options.configmaps);
const pods = Number(options.pods);
const watchers = 10;
const writes = 200;

const table = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";
const aggregated = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

/** Figures of one run, by the names of `recordedFigures`. */
type Figures = Record<string, number>;

async function measure(): Promise<Figures> {
  const flags =
    options.profile === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${path.resolve(options.profile)}`];
  const began = performance.now();
  const server = startProgram(path.join(import.meta.dirname, "servers.mjs"), flags);
  try {
    const { access } = await server.ask<ApiAddress>({ do: "start API server" } satisfies ServerRequest);
    const client = createLoadClient(access, Number(options.connections));
    await expect(client.send("GET", "/readyz"));
    const figures: Figures = { "ready after its start": performance.now() - began };
    await load(client, figures, server.pid);
    client.close();
    return figures;
  } finally {
    await server.stop();
  }
}

async function load(client: LoadClient, figures: Figures, pid: number): Promise<void> {
  await expect(client.send("POST", "/api/v1/namespaces", named("v1", "Namespace", "load")));
  const maps = "/api/v1/namespaces/load/configmaps";
  const one = (i: number) => `${maps}/cm-${i}`;
  figures["create 2,000 ConfigMaps"] = await client.rate(count, (i) =>
    client.send("POST", maps, configMap(i)),
  );
  figures["get 2,000 ConfigMaps"] = await client.rate(count, (i) => client.send("GET", one(i)));
  figures["merge patch"] = await client.rate(count, (i) =>
    patch(client, one(i), "merge-patch+json", { data: { p: "1" } }),
  );
  figures["strategic merge patch"] = await client.rate(count, (i) =>
    patch(client, one(i), "strategic-merge-patch+json", { metadata: { labels: { s: "1" } } }),
  );
  figures["server-side apply"] = await client.rate(count, (i) =>
    patch(client, `${one(i)}?fieldManager=load&force=true`, "apply-patch+yaml", {
      ...named("v1", "ConfigMap", `cm-${i}`),
      data: { applied: "yes" },
    }),
  );
  figures["list 2,000 ConfigMaps"] = await time(client, maps);
  figures["list 2,000 ConfigMaps as a Table"] = await time(client, maps, table);
  figures["list one in ten by label"] = await time(client, `${maps}?labelSelector=shard%3D3`);
  const delays = await fanOut(client, maps);
  figures["a write until 10 watchers have it, p50"] = quantile(delays, 0.5);
  figures["a write until 10 watchers have it, p99"] = quantile(delays, 0.99);

  const podPath = "/api/v1/namespaces/load/pods";
  await expect(
    client.send("POST", "/api/v1/namespaces/load/serviceaccounts", named("v1", "ServiceAccount", "default")),
  );
  figures["create 5,000 pods"] = await client.rate(pods, (i) => client.send("POST", podPath, pod(i)));
  figures["list 5,000 pods"] = await time(client, podPath);
  figures["list 5,000 pods as a Table"] = await time(client, podPath, table);
  figures["list the pods of one node"] = await time(
    client,
    `${podPath}?fieldSelector=spec.nodeName%3Dnode-3`,
  );
  figures["WatchList of 5,000 pods"] = await watchList(client, podPath);
  figures["memory with these objects"] = residentMegabytes(pid);
  figures["delete the collection of 2,000 ConfigMaps"] = await deletion(client, maps);
  figures["delete the collection of 5,000 pods"] = await deletion(client, `${podPath}?gracePeriodSeconds=0`);
  figures["API groups, aggregated"] = await time(client, "/apis", aggregated);
  figures["OpenAPI v3 of the core group"] = await time(client, "/openapi/v3/api/v1");
  figures["OpenAPI v2"] = await time(client, "/openapi/v2");
  figures["CPU s of the whole run"] = cpuSeconds(pid);
}

const patch = (client: LoadClient, url: string, type: string, body: unknown) =>
  client.send("PATCH", url, body, { "content-type": `application/${type}` });

async function expect(answer: Promise<{ readonly status: number; readonly body: Buffer }>): Promise<void> {
  const { status, body } = await answer;
  if (status >= 300) throw new Error(`${status}: ${body.toString("utf8")}`);
}

/** Median of five reads, in milliseconds. */
async function time(client: LoadClient, url: string, accept = "application/json"): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < 5; i++) {
    const began = performance.now();
    await expect(client.send("GET", url, undefined, { accept }));
    times.push(performance.now() - began);
  }
  return median(times);
}

async function deletion(client: LoadClient, url: string): Promise<number> {
  const began = performance.now();
  await expect(client.send("DELETE", url));
  return (performance.now() - began) / 1000;
}

/** Delays from sending a write until each watcher has read it, in milliseconds. */
async function fanOut(client: LoadClient, maps: string): Promise<number[]> {
  const list = JSON.parse((await client.send("GET", `${maps}?limit=1`)).body.toString("utf8"));
  const sent = new Map<string, number>();
  const delays: number[] = [];
  let all = () => {};
  const complete = new Promise<void>((resolve) => {
    all = resolve;
  });
  const url = `${maps}?watch=true&resourceVersion=${list.metadata.resourceVersion}&timeoutSeconds=300`;
  const stops = await Promise.all(
    Array.from({ length: watchers }, () =>
      client.watch(url, (line) => {
        const began = sent.get(JSON.parse(line).object?.data?.w);
        if (began === undefined) return;
        delays.push(performance.now() - began);
        if (delays.length === watchers * writes) all();
      }),
    ),
  );
  for (let i = 0; i < writes; i++) {
    sent.set(String(i), performance.now());
    await expect(patch(client, `${maps}/cm-${i % count}`, "merge-patch+json", { data: { w: String(i) } }));
  }
  await complete;
  for (const stop of stops) stop();
  return delays;
}

/** Milliseconds until a watch that lists first has told that the list is complete. */
async function watchList(client: LoadClient, url: string): Promise<number> {
  const query =
    "watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&timeoutSeconds=30";
  const began = performance.now();
  let done = (_: number) => {};
  const complete = new Promise<number>((resolve) => {
    done = resolve;
  });
  const stop = await client.watch(`${url}?${query}`, (line) => {
    const { type } = JSON.parse(line);
    if (type === "BOOKMARK") done(performance.now() - began);
  });
  const taken = await complete;
  stop();
  return taken;
}

const named = (apiVersion: string, kind: string, name: string) => ({ apiVersion, kind, metadata: { name } });

function configMap(i: number) {
  return {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: `cm-${i}`, labels: { app: "load", shard: String(i % 10) } },
    data: { value: "x".repeat(1024), k: String(i) },
  };
}

function pod(i: number) {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: `p-${i}`, labels: { app: `a${i % 50}`, version: `v${i % 3}` } },
    spec: {
      nodeName: `node-${i % 20}`,
      automountServiceAccountToken: false,
      containers: [
        {
          name: "app",
          image: "registry.invalid/app:1.0",
          ports: [{ containerPort: 8080, name: "http" }],
          env: [{ name: "A", value: "b" }],
          resources: { requests: { cpu: "10m", memory: "16Mi" } },
        },
      ],
    },
  };
}

function print(all: readonly Figures[]): void {
  console.log(
    `\nAPI server: one client, ${options.connections} connections, medians of ${all.length} runs, beside kube-apiserver with etcd as recorded`,
  );
  const rows = [["", "ours", "kube-apiserver*", "ratio"]];
  for (const [name, { value, unit }] of Object.entries(recordedFigures)) {
    const ours = median(all.flatMap((figures) => figures[name] ?? []));
    rows.push([
      name.replace("2,000", count.toLocaleString("en-US")).replace("5,000", pods.toLocaleString("en-US")),
      `${short(ours)} ${unit}`,
      `${short(value)} ${unit}`,
      ratio(ours, value, isBetterHigher(unit) ? "higher" : "lower"),
    ]);
  }
  for (const line of formatTable(rows)) console.log(line);
  const cpu = median(all.flatMap((figures) => figures["CPU s of the whole run"] ?? []));
  console.log(`  CPU of the server for all of it: ${short(cpu)} s`);
  console.log("  * recorded on a quiet machine, not measured here; a ratio above 1 is in our favour");
}

const runs: Figures[] = [];
for (let i = 0; i < Number(options.runs); i++) runs.push(await measure());
print(runs);
