import { execFile, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { type Stop, waitFor } from "../../../src/base/index.ts";
import { freePort } from "../../support/free-port.ts";

/** A real Prometheus that answers queries. */
export interface PrometheusProcess {
  /** "http://127.0.0.1:41234" */
  readonly url: string;
  readonly stop: Stop;
}

/**
 * Starts the program `prometheus` with a configuration, and with the samples of an OpenMetrics text when one is given
 * (which takes `promtool` beside it). Resolves when it answers.
 */
export async function startPrometheus(
  program: string,
  options: { readonly config?: string; readonly openMetrics?: string },
): Promise<PrometheusProcess> {
  const folder = mkdtempSync(path.join(tmpdir(), "isthmus-prometheus-"));
  const config = path.join(folder, "prometheus.yml");
  const data = path.join(folder, "data");
  writeFileSync(config, options.config ?? "{}\n");
  if (options.openMetrics !== undefined) {
    const file = path.join(folder, "samples.om");
    writeFileSync(file, options.openMetrics);
    const promtool = path.join(path.dirname(program), "promtool");
    await promisify(execFile)(promtool, ["tsdb", "create-blocks-from", "openmetrics", file, data]);
  }
  const port = await freePort();
  const child = spawn(
    program,
    [
      `--config.file=${config}`,
      `--storage.tsdb.path=${data}`,
      "--storage.tsdb.retention.time=100y",
      `--web.listen-address=127.0.0.1:${port}`,
      "--log.level=error",
    ],
    { stdio: ["ignore", "ignore", "inherit"] },
  );
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const stop = async () => {
    child.kill("SIGKILL");
    await exited;
    rmSync(folder, { recursive: true, force: true });
  };
  const url = `http://127.0.0.1:${port}`;
  try {
    await waitFor(
      async () => {
        const answer = await fetch(`${url}/-/ready`).catch(() => undefined);
        return answer?.ok === true ? true : undefined;
      },
      { signal: AbortSignal.timeout(30_000), every: 50 },
    );
  } catch (reason) {
    await stop();
    throw reason;
  }
  return { url, stop };
}
