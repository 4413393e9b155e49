/** Measures the control plane: from sending a change to the API server until the last of many proxies holds it. */
import path from "node:path";
import { parseArgs } from "node:util";
import { istioBaseObjects } from "../../src/engine/charts/istio-base.ts";
import { createHttpTransport, type KubeAccess, type KubeObject } from "../../src/kube/index.ts";
import { formatTable, median, quantile, ratio, short } from "../figures.ts";
import { cpuSeconds, monotonic, type Program, residentMegabytes, startProgram } from "../process.ts";
import type { ApiAddress, ControlPlaneAddress, ServerRequest } from "../servers.ts";
import type { Protocol } from "./ads-client.ts";
import { changeOf } from "./changes.ts";
import type { Arrivals, ClientRequest, Connected } from "./clients.ts";
import { startIstiod } from "./istiod.ts";
import { type MeshSize, meshObjects, sizes } from "./objects.ts";
import { type Event, events, recorded } from "./recorded.ts";

const { values: options } = parseArgs({
  options: {
    size: { type: "string", default: "M,Big" },
    clients: { type: "string", default: "1,100,1000" },
    events: { type: "string", default: events.join() },
    rounds: { type: "string", default: "15" },
    workloads: { type: "string", default: "1" },
    protocol: { type: "string", default: "delta,state-of-the-world" },
    istiod: { type: "string" },
    profile: { type: "string" },
  },
});
const list = (text: string) => text.split(",").filter((part) => part !== "");
const workloads = Number(options.workloads);

interface Case {
  readonly size: string;
  readonly protocol: Protocol;
  readonly clients: number;
  readonly events: readonly Event[];
}

const cases: Case[] = list(options.size).flatMap((size) =>
  (list(options.protocol) as Protocol[]).flatMap((protocol) =>
    list(options.clients)
      .map(Number)
      // A thousand proxies of the large mesh would measure this machine's memory.
      .filter((clients) => size !== "Big" || clients <= 100)
      .filter((clients) => protocol === "delta" || (size === "M" && clients === 1000))
      .map((clients) => ({ size, protocol, clients, events: list(options.events) as Event[] })),
  ),
);

const rows: string[][] = [
  ["mesh, clients, change", "first", "middle", "last", "CPU s", "kB", "RSS MB", "istiod*", "last", "CPU"],
];

async function measureSize(name: string, chosen: readonly Case[]): Promise<void> {
  const size = sizes[name];
  if (size === undefined) throw new Error(`no mesh "${name}": ${Object.keys(sizes).join(", ")}`);
  const api = server();
  try {
    const { access } = await api.ask<ApiAddress>({ do: "start API server" } satisfies ServerRequest);
    const send = requests(access);
    await createAll(send, size);
    for (const one of chosen) await measureCase(one, size, access, send);
  } finally {
    await api.stop();
  }
}

async function measureCase(one: Case, size: MeshSize, access: KubeAccess, send: Send): Promise<void> {
  const plane = await startPlane(access);
  const clients = startProgram(path.join(import.meta.dirname, "discovery-clients.mjs"));
  const ask = <T>(request: ClientRequest) => clients.ask<T>(request);
  try {
    const before = cpuSeconds(plane.pid);
    const connected = await ask<Connected>({
      do: "connect",
      port: plane.port,
      count: one.clients,
      workloads,
      protocol: one.protocol,
    });
    rows.push([
      `${label(one)}: configured`,
      "",
      "",
      short(connected.milliseconds),
      short(cpuSeconds(plane.pid) - before),
      short(connected.bytes / 1000),
      short(residentMegabytes(plane.pid)),
    ]);
    for (const event of one.events) await measureEvent(one, event, size, send, ask, plane);
  } finally {
    await clients.stop();
    await plane.stop();
  }
}

async function measureEvent(
  one: Case,
  event: Event,
  size: MeshSize,
  send: Send,
  ask: <T>(request: ClientRequest) => Promise<T>,
  plane: { readonly pid: number },
): Promise<void> {
  const runs: { first: number; middle: number; last: number; bytes: number }[] = [];
  const rounds = Number(options.rounds);
  let cpu = 0;
  // The first changes compile code; they are not counted.
  for (let round = -3; round < rounds; round++) {
    const { path: url, patch, marker, type } = changeOf(event, size);
    await ask({ do: "expect", marker, type });
    if (round === 0) cpu = cpuSeconds(plane.pid);
    const began = monotonic();
    await send("PATCH", url, patch);
    const { times, bytes } = await ask<Arrivals>({ do: "arrivals" });
    const after = times.map((time) => time - began);
    runs.push({ first: Math.min(...after), middle: median(after), last: Math.max(...after), bytes });
  }
  const counted = runs.slice(3);
  const used = (cpuSeconds(plane.pid) - cpu) / rounds;
  const p50 = (field: "first" | "middle" | "last" | "bytes") => median(counted.map((run) => run[field]));
  const theirs = recorded(one.size, one.protocol, one.clients, event);
  rows.push([
    `${label(one)}: ${event}`,
    short(p50("first")),
    short(p50("middle")),
    `${short(p50("last"))} (${short(
      quantile(
        counted.map(({ last }) => last),
        1,
      ),
    )})`,
    used.toFixed(3),
    short(p50("bytes") / 1000),
    short(residentMegabytes(plane.pid)),
    ...(theirs === undefined
      ? []
      : [
          `${short(theirs.last)}  ${theirs.cpu?.toFixed(2) ?? "–"}`,
          ratio(p50("last"), theirs.last),
          theirs.cpu === undefined ? "" : ratio(used, theirs.cpu),
        ]),
  ]);
}

function label({ size, clients, protocol }: Case): string {
  return `${size}, ${clients}${protocol === "delta" ? "" : " SotW"}`;
}

function server(): Program {
  const flags =
    options.profile === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${path.resolve(options.profile)}`];
  return startProgram(path.join(import.meta.dirname, "servers.mjs"), flags);
}

async function startPlane(access: KubeAccess) {
  if (options.istiod !== undefined) return startIstiod(options.istiod, access);
  const plane = server();
  const address = await plane.ask<ControlPlaneAddress>({
    do: "start control plane",
    access,
  } satisfies ServerRequest);
  return { ...address, pid: plane.pid, stop: plane.stop };
}

type Send = (method: "PATCH" | "POST", path: string, body: unknown) => Promise<void>;

function requests(access: KubeAccess): Send {
  const transport = createHttpTransport(access);
  return async (method, url, body) => {
    const answer = await transport.send({
      method,
      path: url,
      query: new URLSearchParams(),
      headers: {
        "content-type": method === "PATCH" ? "application/merge-patch+json" : "application/json",
        accept: "application/json",
      },
      body,
    });
    if (answer.status >= 300) throw new Error(`${method} ${url}: ${JSON.stringify(answer.body)}`);
  };
}

async function createAll(send: Send, size: MeshSize): Promise<void> {
  const objects = [...istioBaseObjects("istio-system"), ...meshObjects(size)];
  for (const object of objects.filter(({ kind }) => kind === "Namespace")) await post(send, object);
  for (const object of objects.filter(({ kind }) => kind !== "Namespace")) await post(send, object);
}

/** Where the objects of the bench are created. */
const collections: Readonly<Record<string, string>> = {
  Namespace: "/api/v1/namespaces",
  CustomResourceDefinition: "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
  ServiceAccount: "serviceaccounts",
  ConfigMap: "configmaps",
  Service: "services",
  EndpointSlice: "endpointslices",
  VirtualService: "virtualservices",
  ServiceEntry: "serviceentries",
  Gateway: "gateways",
};

function post(send: Send, object: KubeObject): Promise<void> {
  const plural = collections[object.kind] ?? "";
  const group = object.apiVersion.includes("/") ? `/apis/${object.apiVersion}` : `/api/${object.apiVersion}`;
  const url = plural.startsWith("/") ? plural : `${group}/namespaces/${object.metadata.namespace}/${plural}`;
  return send("POST", url, object);
}

console.log(
  `\ndiscovery: ms from sending a change until the first / middle / last client holds it, p50 (worst)${options.istiod === undefined ? "" : `, of ${options.istiod}`}`,
);
for (const size of new Set(cases.map((one) => one.size))) {
  await measureSize(
    size,
    cases.filter((one) => one.size === size),
  );
}
for (const line of formatTable(rows)) console.log(line);
console.log(
  "  * recorded, not measured here: last ms and CPU s; the columns after it are how many times better ours is",
);
