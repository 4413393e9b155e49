import { createServer } from "node:net";
import { IsthmusError, type Logger } from "../../base/index.ts";
import { type Listen, type ManagementProcess, managementPorts } from "../../management/index.ts";

/** Runs a process of the management plane until `signal` aborts, with what every process measures of itself. */
export async function runUntilStopped(
  running: ManagementProcess,
  { signal, log }: { readonly signal: AbortSignal; readonly log: Logger },
): Promise<void> {
  const { metrics } = running;
  metrics.gauge(
    "process_resident_memory_bytes",
    "Resident memory size in bytes.",
    () => process.memoryUsage().rss,
  );
  const startedAt = Date.now() / 1000 - process.uptime();
  metrics.gauge(
    "process_start_time_seconds",
    "Start time of the process since unix epoch in seconds.",
    () => startedAt,
  );
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
  log.info({}, "ending");
  await running.stop();
}

/** Binds the ports of a process at the addresses that its options name, 127.0.0.1 and the usual port by default. */
export function listenAt(
  addresses: Readonly<Partial<Record<keyof typeof managementPorts, string | undefined>>>,
  log: Logger,
): Listen {
  return async (name, onConnection) => {
    const { host, port } = parseListenAddress(addresses[name] ?? `127.0.0.1:${managementPorts[name]}`);
    const server = createServer(onConnection);
    await new Promise<void>((resolve, reject) => {
      server.once("error", (cause) =>
        reject(
          new IsthmusError("arguments/wrong", `${host}:${port} can't be listened on: ${cause.message}`, {
            cause,
            nextStep: "Name another address and port; port 0 takes a free one.",
          }),
        ),
      );
      server.listen(port, host, resolve);
    });
    const bound = server.address();
    log.info(
      { listener: name, address: host, port: typeof bound === "object" ? bound?.port : port },
      "listening",
    );
    return () => new Promise((resolve) => server.close(() => resolve()));
  };
}

/** The host and port of "HOST:PORT"; port 0 is any free one. Throws arguments/wrong. */
export function parseListenAddress(text: string): { readonly host: string; readonly port: number } {
  const [, host = "", port = ""] = /^(.*):(\d{1,5})$/.exec(text) ?? [];
  if (host === "" || Number(port) > 65_535)
    throw new IsthmusError("arguments/wrong", `"${text}" is no address to listen on`, {
      nextStep: "Write it as ADDRESS:PORT, for example 0.0.0.0:9900.",
    });
  return { host: host.replace(/^\[|\]$/g, ""), port: Number(port) };
}
