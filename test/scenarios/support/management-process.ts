import { type ChildProcess, spawn } from "node:child_process";
import { cpSync, mkdirSync, readFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import path from "node:path";
import { createInterface } from "node:readline";

const root = path.join(import.meta.dirname, "../../..");

/** What the image of a Containerfile's stage `program` holds, in `folder`; gives the path of the program in it. */
export function unpackImage(folder: string): string {
  const text = readFileSync(path.join(root, "deploy/Containerfile"), "utf8");
  for (const [, words = ""] of text.matchAll(/^COPY --from=build (.*)$/gm)) {
    const paths = words.split(" ");
    const to = paths.pop() ?? "";
    for (const from of paths) {
      const name = path.relative("/src", from);
      const place = path.join(folder, to, to.endsWith("/") ? path.basename(name) : "");
      mkdirSync(path.dirname(place), { recursive: true });
      cpSync(path.join(root, name), place, { recursive: true });
    }
  }
  return path.join(folder, "isthmus/bin/isthmus");
}

/** A manager or agent that runs as a process of its own. */
export interface RunningProcess {
  /** The port of one of its listeners, once it listens. */
  port(listener: "relay" | "operations"): Promise<number>;
  /** A page of its operations port. */
  get(page: string): Promise<{ readonly status: number; readonly text: string }>;
  said(): string;
  /** Ends it, and resolves with its exit code; undefined when a signal ended it. */
  end(signal: NodeJS.Signals): Promise<number | undefined>;
}

/** Starts the program with nothing of this process' environment but what it needs to run. */
export function startProcess(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): RunningProcess {
  const child: ChildProcess = spawn(process.execPath, [program, ...args], {
    env: { PATH: process.env["PATH"], NODE_DISABLE_COMPILE_CACHE: "1", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  const ports = new Map<string, number>();
  const waiting = new Set<() => void>();
  const exited = new Promise<number | undefined>((resolve) => {
    child.once("close", (code) => {
      resolve(code ?? undefined);
      for (const wake of waiting) wake();
    });
  });
  child.stderr?.on("data", (chunk) => {
    said += chunk;
  });
  if (child.stdout !== null)
    createInterface(child.stdout).on("line", (line) => {
      said += `${line}\n`;
      const entry = JSON.parse(line) as { listener?: string; port?: number };
      if (entry.listener !== undefined && entry.port !== undefined) ports.set(entry.listener, entry.port);
      for (const wake of waiting) wake();
    });
  const port = async (listener: string) => {
    for (;;) {
      const found = ports.get(listener);
      if (found !== undefined) return found;
      if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}:\n${said}`);
      await new Promise<void>((resolve) => waiting.add(resolve));
      waiting.clear();
    }
  };
  return {
    port,
    async get(page) {
      const response = await fetch(`http://127.0.0.1:${await port("operations")}${page}`, {
        headers: { connection: "close" },
      });
      return { status: response.status, text: await response.text() };
    },
    said: () => said,
    end(signal) {
      child.kill(signal);
      return exited;
    },
  };
}

/** Leads connections to whichever of `targets` takes them, one after the other, as a Service does. */
export async function startService(targets: () => readonly number[]) {
  let turn = 0;
  const sockets = new Set<{ destroy(): void }>();
  const server = createServer((client) => {
    const all = targets();
    const start = turn++;
    const tryNext = (attempt: number) => {
      if (attempt >= all.length) {
        client.destroy();
        return;
      }
      const upstream = connect(all[(start + attempt) % all.length] ?? 0, "127.0.0.1");
      for (const socket of [client, upstream]) sockets.add(socket);
      upstream.once("error", () => tryNext(attempt + 1));
      upstream.once("connect", () => {
        upstream.removeAllListeners("error");
        for (const [one, other] of [
          [client, upstream],
          [upstream, client],
        ] as const) {
          one.on("error", () => other.destroy());
          one.on("close", () => other.destroy());
          one.pipe(other);
        }
      });
    };
    client.on("error", () => {});
    tryNext(0);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  return {
    port: typeof address === "object" ? (address?.port ?? 0) : 0,
    stop() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}
