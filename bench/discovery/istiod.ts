import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { formatKubeconfig, type KubeAccess } from "../../src/kube/index.ts";
import type { ControlPlaneAddress } from "../servers.ts";

export interface RunningIstiod extends ControlPlaneAddress {
  readonly pid: number;
  stop(): Promise<void>;
}

/** Runs upstream's control plane (the program pilot-discovery) over an API server; resolves when it is ready. */
export async function startIstiod(program: string, access: KubeAccess): Promise<RunningIstiod> {
  const folder = mkdtempSync(path.join(tmpdir(), "isthmus-bench-"));
  const kubeconfig = path.join(folder, "kubeconfig");
  writeFileSync(kubeconfig, JSON.stringify(formatKubeconfig([{ name: "bench", ...access }])), {
    mode: 0o600,
  });
  const [grpc = 0, http = 0, monitoring = 0, control = 0] = await freePorts(4);
  const began = performance.now();
  const child: ChildProcess = spawn(
    program,
    [
      "discovery",
      `--kubeconfig=${kubeconfig}`,
      `--grpcAddr=127.0.0.1:${grpc}`,
      `--httpAddr=127.0.0.1:${http}`,
      `--monitoringAddr=127.0.0.1:${monitoring}`,
      `--ctrlz_port=${control}`,
      "--secureGRPCAddr=",
      "--httpsAddr=",
      "--clusterID=cluster1",
      "--log_output_level=default:error",
    ],
    {
      cwd: folder,
      stdio: ["ignore", "ignore", "ignore"],
      env: {
        ...process.env,
        POD_NAMESPACE: "istio-system",
        CLUSTER_ID: "cluster1",
        PILOT_MAX_REQUESTS_PER_SECOND: "100000",
        PILOT_ENABLE_ANALYSIS: "false",
        ENABLE_CA_SERVER: "false",
      },
    },
  );
  const stop = async () => {
    if (child.exitCode === null && child.signalCode === null) {
      const ended = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGTERM");
      await ended;
    }
    rmSync(folder, { recursive: true, force: true });
  };
  for (;;) {
    if (child.exitCode !== null) throw new Error(`${program} ended with ${child.exitCode}`);
    const answer = await fetch(`http://127.0.0.1:${http}/ready`).catch(() => undefined);
    if (answer?.status === 200) break;
    if (performance.now() - began > 60_000) {
      await stop();
      throw new Error(`${program} was not ready after a minute`);
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return { pid: child.pid ?? 0, port: grpc, readyMilliseconds: performance.now() - began, stop };
}

async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from(
      { length: count },
      () =>
        new Promise<ReturnType<typeof createServer>>((resolve) => {
          const server = createServer().listen(0, "127.0.0.1", () => resolve(server));
        }),
    ),
  );
  const ports = servers.map((server) => {
    const address = server.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  });
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
