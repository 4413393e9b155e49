/** Measures a fleet: one manager and many registered clusters, and the whole mesh of the example gloo. */
import { fork } from "node:child_process";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { formatTable, median, short } from "../figures.ts";
import { cpuSeconds, residentMegabytes, startProgram } from "../process.ts";
import type { Arrivals, ClustersRequest, Connected, Started } from "./clusters.ts";
import { measureEnforcement } from "./enforcement.ts";
import type { ManagerAddress, ManagerRequest } from "./manager.ts";

const { values: options } = parseArgs({
  options: {
    clusters: { type: "string", default: "50" },
    services: { type: "string", default: "10" },
    rounds: { type: "string", default: "10" },
    profile: { type: "string" },
    "skip-mesh": { type: "boolean", default: false },
  },
});
const idleSeconds = 10;
const root = path.join(import.meta.dirname, "../..");
const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

async function measureFleet(): Promise<void> {
  const count = Number(options.clusters);
  const rounds = Number(options.rounds);
  const clusters = startProgram(path.join(import.meta.dirname, "fleet-clusters.mjs"));
  const flags = options.profile === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${options.profile}`];
  const manager = startProgram(path.join(import.meta.dirname, "fleet-manager.mjs"), flags);
  const ask = <T>(request: ClustersRequest) => clusters.ask<T>(request);
  try {
    const { access, emptyClusterMegabytes } = await ask<Started>({
      do: "start",
      clusters: count,
      services: Number(options.services),
    });
    const { relayPort } = await manager.ask<ManagerAddress>({
      do: "start manager",
      access,
    } satisfies ManagerRequest);
    const cpuBefore = cpuSeconds(manager.pid);
    const { allConnected, enforced } = await ask<Connected>({ do: "connect", relayPort });
    // What was found is written down for a while after that.
    const settled = await untilQuiet(manager.pid);
    const cpuOfStart = settled - cpuBefore;
    await pause(idleSeconds * 1000);
    const idle = (cpuSeconds(manager.pid) - settled) / idleSeconds;
    const isolation = await changes(manager.pid, rounds, (i) =>
      ask<Arrivals>({ do: "isolate", isolation: i % 2 === 1 }),
    );
    const exported = await changes(manager.pid, rounds, (i) =>
      ask<Arrivals>({ do: "export", name: String(8000 + i) }),
    );
    console.log(`\none manager, ${count} clusters with ${options.services} Services each`);
    const rows: readonly (readonly string[])[] = [
      ["all agents connected", `${short(allConnected)} ms`],
      ["a workspace over all clusters enforced in all", `${short(enforced)} ms`],
      ["CPU of the manager until everything is in step", `${short(cpuOfStart)} s`],
      ["CPU of the manager when nothing happens", `${short(idle * 100)} %`],
      ["memory of the manager", `${short(residentMegabytes(manager.pid))} MB`],
      ["memory of an API server with nothing in it", `${short(emptyClusterMegabytes)} MB`],
      ["isolation changed: first / last cluster has it, median", `${isolation.first} / ${isolation.last} ms`],
      ["  CPU of the manager for it", `${isolation.cpu} ms`],
      ["an exported Service changed: first / last cluster knows", `${exported.first} / ${exported.last} ms`],
      ["  CPU of the manager for it", `${exported.cpu} ms`],
    ];
    for (const line of formatTable(rows)) console.log(line);
  } finally {
    await manager.stop();
    await clusters.stop();
  }
}

async function changes(pid: number, rounds: number, change: (round: number) => Promise<Arrivals>) {
  const firsts: number[] = [];
  const lasts: number[] = [];
  await untilQuiet(pid);
  const before = cpuSeconds(pid);
  for (let i = 0; i < rounds; i++) {
    const times = await change(i);
    firsts.push(times[0] ?? Number.NaN);
    lasts.push(times.at(-1) ?? Number.NaN);
  }
  const cpu = ((await untilQuiet(pid)) - before) / rounds;
  return { first: short(median(firsts)), last: short(median(lasts)), cpu: short(cpu * 1000) };
}

/** CPU seconds of a process, once it uses next to none. */
async function untilQuiet(pid: number): Promise<number> {
  for (let before = cpuSeconds(pid); ; ) {
    await pause(1000);
    const now = cpuSeconds(pid);
    if (now - before <= 0.05) return now;
    before = now;
  }
}

/** The example gloo by the program as a user starts it: three API servers, then the whole mesh. */
async function measureMesh(): Promise<void> {
  console.log("\nthe example gloo: three clusters, two control planes, management, Bookinfo");
  const rows: string[][] = [];
  for (const bare of [true, false]) {
    const folder = mkdtempSync(path.join(tmpdir(), "isthmus-bench-"));
    try {
      cpSync(path.join(root, "examples/gloo"), folder, {
        recursive: true,
        filter: (source) => !/\/(\.isthmus|certs)$/.test(source),
      });
      const began = performance.now();
      const program = path.join(root, "bin/isthmus");
      const child = fork(program, ["up", ...(bare ? ["--bare"] : [])], {
        cwd: folder,
        stdio: ["ignore", "ignore", "ignore", "ipc"],
      });
      await new Promise<void>((resolve, reject) => {
        child.on("message", (message: { readonly kind?: string }) => {
          if (message.kind === "ready") resolve();
          if (message.kind === "failed") reject(new Error("the mesh did not start"));
        });
        child.on("exit", () => reject(new Error("the engine ended")));
      });
      const ready = performance.now() - began;
      await pause(5000);
      const memory = residentMegabytes(child.pid ?? 0);
      const what = bare
        ? "three clusters, empty, answer"
        : "the whole mesh is ready, its workspaces enforced";
      rows.push([what, `${short(ready)} ms`, `${short(memory)} MB`]);
      if (!bare) {
        const times = await measureEnforcement(folder, 10);
        rows.push([
          "isolation switched until a stranger's requests show it, median",
          `${short(median(times))} ms`,
        ]);
      }
      child.removeAllListeners("exit");
      const ended = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGTERM");
      await ended;
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
  for (const line of formatTable(rows)) console.log(line);
}

if (!options["skip-mesh"]) await measureMesh();
await measureFleet();
