import http from "node:http";
import https from "node:https";
import { createLatencies, type Percentiles } from "./latencies.ts";

export interface LoadOptions {
  readonly url: URL;
  /** The HTTP proxy of a pod; absent: directly to the URL. */
  readonly proxy:
    | { readonly host: string; readonly port: number; readonly authorization: string }
    | undefined;
  /** Requests a second; 0 = as fast as answers come. */
  readonly rate: number;
  readonly milliseconds: number;
  readonly connections: number;
  /** A new connection for every request. */
  readonly fresh: boolean;
  /** Ends it early: it waits for what is under way, and reports. */
  readonly signal: AbortSignal;
  /** Told the beginning of every answer's body. */
  answered?(text: string): void;
}

/** What a load saw so far; times in milliseconds. */
export interface LoadReport {
  readonly sent: number;
  readonly ok: number;
  readonly failed: number;
  /** Requests that were due but found all connections busy. */
  readonly skipped: number;
  readonly connections: number;
  readonly milliseconds: number;
  /** Answers a second. */
  readonly rate: number;
  readonly latency: Percentiles;
  /** Number of each kind of answer: "HTTP 200", "ECONNRESET". */
  readonly answers: Readonly<Record<string, number>>;
}

/** Requests that are being sent. */
export interface Load {
  /** What it saw so far. */
  report(): LoadReport;
  /** What it saw, when the last request has been answered. Never rejects. */
  readonly done: Promise<LoadReport>;
}

const requestTimeout = 30_000;
const mostShown = 1000;
/** How often due requests are started; also the bound on how late one can be. */
const tick = 5;

/**
 * Sends GET requests until the time is over, waits for those under way, and reports. Only 2xx and 3xx count as ok. Like
 * the threads of other load generators, connections take turns: each is opened by its first request, and then kept.
 */
export function startLoad(options: LoadOptions): Load {
  const { rate, milliseconds, connections, signal } = options;
  const secure = options.url.protocol === "https:" && options.proxy === undefined;
  const started = performance.now();
  const latencies = createLatencies();
  const answers: Record<string, number> = {};
  let [sent, finished, ok, skipped] = [0, 0, 0, 0];
  const isOver = () => signal.aborted || performance.now() - started >= milliseconds;
  const one = async (agent: http.Agent | undefined) => {
    sent++;
    const begin = performance.now();
    const answer = await get(options, agent, secure);
    latencies.add(performance.now() - begin);
    answers[answer] = (answers[answer] ?? 0) + 1;
    finished++;
    if (/^HTTP [23]/.test(answer)) ok++;
  };
  const agents = Array.from({ length: connections }, () =>
    options.fresh ? undefined : new (secure ? https : http).Agent({ keepAlive: true, maxSockets: 1 }),
  );
  let ended: number | undefined;
  const report = (): LoadReport => {
    const elapsed = (ended ?? performance.now()) - started;
    return {
      sent,
      ok,
      failed: finished - ok,
      skipped,
      connections,
      milliseconds: elapsed,
      rate: finished / (Math.max(1, elapsed) / 1000),
      latency: latencies.percentiles(),
      answers: { ...answers },
    };
  };
  const send = async (): Promise<LoadReport> => {
    if (rate === 0) {
      await Promise.all(
        agents.map(async (agent) => {
          while (!isOver()) await one(agent);
        }),
      );
    } else {
      const idle = [...agents.keys()];
      const running = new Set<Promise<void>>();
      let due = 0;
      while (!isOver()) {
        const wanted = Math.floor(((performance.now() - started) / 1000) * rate) + 1;
        for (; due < wanted; due++) {
          const next = idle.shift();
          if (next === undefined) {
            skipped++;
            continue;
          }
          const request = one(agents[next]);
          running.add(request);
          void request.finally(() => {
            running.delete(request);
            idle.push(next);
          });
        }
        await pause(tick);
      }
      await Promise.all(running);
    }
    for (const agent of agents) agent?.destroy();
    ended = performance.now();
    return report();
  };
  return { report, done: send() };
}

/** "HTTP 200", or the code of the failure. */
function get(options: LoadOptions, agent: http.Agent | undefined, secure: boolean): Promise<string> {
  const { url, proxy } = options;
  return new Promise((resolve) => {
    const request = (secure ? https : http).request({
      host: proxy?.host ?? url.hostname,
      port: proxy?.port ?? (url.port || (secure ? 443 : 80)),
      path: proxy === undefined ? `${url.pathname}${url.search}` : url.href,
      headers: {
        host: url.host,
        "user-agent": "isthmus-load",
        ...(agent === undefined ? { connection: "close" } : {}),
        ...(proxy === undefined ? {} : { "proxy-authorization": proxy.authorization }),
      },
      agent: agent ?? false,
      timeout: requestTimeout,
      // A load test of an ingress with a self-made certificate is no place to check it.
      ...(secure ? { rejectUnauthorized: false } : {}),
    });
    request.on("response", (response) => {
      let text = "";
      response.on("data", (chunk: Buffer) => {
        if (options.answered !== undefined && text.length < mostShown) text += chunk.toString("utf8");
      });
      response.on("end", () => {
        options.answered?.(text);
        resolve(`HTTP ${response.statusCode ?? 0}`);
      });
      response.on("error", (reason) => resolve(codeOf(reason)));
    });
    request.on("timeout", () => request.destroy(Object.assign(new Error("timeout"), { code: "ETIMEDOUT" })));
    request.on("error", (reason) => resolve(codeOf(reason)));
    request.end();
  });
}

function codeOf(reason: NodeJS.ErrnoException): string {
  return reason.code ?? reason.message;
}

function pause(delay: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delay));
}
