import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { type Stop, waitFor } from "../../../src/base/index.ts";
import { freePort } from "../../support/free-port.ts";

/** A real Kiali that reads a mesh from outside its clusters, for anybody who asks. */
export interface KialiProcess {
  /** "http://127.0.0.1:41234/kiali/api" */
  readonly api: string;
  readonly stop: Stop;
}

/** Starts the program `kiali`. Resolves when it answers. */
export async function startKiali(
  program: string,
  options: {
    readonly kubeconfig: string;
    /** The contexts of all clusters, that with the control plane first. */
    readonly contexts: readonly string[];
    /** "http://127.0.0.1:30000" */
    readonly prometheus: string;
  },
): Promise<KialiProcess> {
  const [home = "", ...remotes] = options.contexts;
  const folder = mkdtempSync(path.join(tmpdir(), "isthmus-kiali-"));
  const config = path.join(folder, "kiali.yaml");
  const port = await freePort();
  writeFileSync(
    config,
    `server: { address: 127.0.0.1, port: ${port}, web_root: /kiali, observability: { metrics: { enabled: false } } }
auth: { strategy: anonymous }
external_services:
  prometheus: { url: "${options.prometheus}" }
  grafana: { enabled: false }
  tracing: { enabled: false }
`,
  );
  const child = spawn(
    program,
    [
      ...["run", "--no-browser", "--config", config, "--kubeconfig", options.kubeconfig, "--context", home],
      ...(remotes.length === 0 ? [] : ["--remote-cluster-contexts", remotes.join(",")]),
    ],
    { stdio: "ignore", env: { ...process.env, HOME: folder } },
  );
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const stop = async () => {
    child.kill("SIGKILL");
    await exited;
    rmSync(folder, { recursive: true, force: true });
  };
  const root = `http://127.0.0.1:${port}/kiali`;
  try {
    await waitFor(
      async () => {
        const answer = await fetch(`${root}/healthz`).catch(() => undefined);
        return answer?.ok === true ? true : undefined;
      },
      { signal: AbortSignal.timeout(60_000), every: 100 },
    );
  } catch (reason) {
    await stop();
    throw reason;
  }
  return { api: `${root}/api`, stop };
}
