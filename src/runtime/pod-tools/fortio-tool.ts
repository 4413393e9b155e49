import type * as http from "node:http";

/** Node's modules that the program uses. */
export interface FortioModules {
  readonly http: typeof http;
  readonly process: NodeJS.Process;
}

/**
 * `fortio load` and `fortio curl` as the pod sees the network: requests over so many kept connections, at a rate or as
 * fast as they are answered, and a count of the answers' codes. `process.argv` is node, file, arguments.
 *
 * Like podTool, its source text is written to a file of its own: it must not use anything from outside itself but
 * its argument.
 */
export function fortioTool({ http, process }: FortioModules): void {
  const { env } = process;
  const [verb = "", ...words] = process.argv.slice(2);
  const err = (line: string) => process.stderr.write(`${line}\n`);
  const out = (line: string) => process.stdout.write(`${line}\n`);

  /** Options with a value, by name without hyphens; the others are switches, of which one may be given as NAME=false. */
  const valued = new Set(["c", "qps", "n", "t", "H", "loglevel", "timeout", "X", "payload", "p", "r"]);
  const switches = new Set([
    "quiet",
    "a",
    "keepalive",
    "allow-initial-errors",
    "stdclient",
    "jitter",
    "uniform",
    "k",
  ]);
  const values: Record<string, string[]> = {};
  const places: string[] = [];
  const unknown: string[] = [];
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    const option = /^--?([A-Za-z-]+)(?:=(.*))?$/s.exec(word);
    const [, name = "", given] = option ?? [];
    if (option === null) places.push(word);
    else if (valued.has(name)) values[name] = [...(values[name] ?? []), given ?? words.shift() ?? ""];
    else if (switches.has(name)) values[name] = [given ?? "true"];
    else unknown.push(word);
  }
  const value = (name: string, otherwise: string) => values[name]?.at(-1) ?? otherwise;
  const units: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
  const milliseconds = (text: string): number => {
    const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)];
    return parts.length === 0 || parts.map(([part]) => part).join("") !== text
      ? Number.NaN
      : parts.reduce((sum, [, amount, unit = ""]) => sum + Number(amount) * (units[unit] ?? 0), 0);
  };

  const [place = ""] = places;
  const address = /^[a-z]+:\/\//.test(place) ? place : `http://${place}`;
  const url = URL.canParse(address) ? new URL(address) : undefined;
  const connections = Number(value("c", verb === "curl" ? "1" : "4"));
  const rate = Number(value("qps", "8"));
  const calls = Number(value("n", "0"));
  const duration = milliseconds(value("t", "5s"));
  const timeout = milliseconds(value("timeout", "3s"));
  const payload = values["payload"]?.at(-1);
  const headers: Record<string, string> = { "user-agent": "fortio.org/fortio-isthmus" };
  for (const header of values["H"] ?? []) {
    const colon = header.indexOf(":");
    if (colon > 0) headers[header.slice(0, colon).trim().toLowerCase()] = header.slice(colon + 1).trim();
  }

  interface Answer {
    /** -1 when there was none. */
    readonly code: number;
    readonly head: string;
    readonly body: Buffer;
    readonly took: number;
  }
  let sockets = 0;

  const askOnce = (target: URL, agent: http.Agent): Promise<Answer> =>
    new Promise((resolve) => {
      const proxyUrl = env["http_proxy"] ?? "";
      const proxy = proxyUrl === "" ? undefined : new URL(proxyUrl);
      const via = proxy ?? target;
      const begun = performance.now();
      const credentials =
        proxy && `${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`;
      const done = (code: number, head: string, body: Buffer) =>
        resolve({ code, head, body, took: performance.now() - begun });
      const request = http.request(
        {
          host: via.hostname,
          port: via.port === "" ? 80 : via.port,
          path: proxy === undefined ? `${target.pathname}${target.search}` : target.href,
          method: value("X", payload === undefined ? "GET" : "POST"),
          agent,
          timeout,
          headers: {
            host: target.host,
            ...headers,
            ...(credentials === undefined || credentials === ":"
              ? {}
              : { "proxy-authorization": `Basic ${Buffer.from(credentials).toString("base64")}` }),
          },
        },
        (response) => {
          const { httpVersion, statusCode = 0, statusMessage = "", rawHeaders } = response;
          let head = `HTTP/${httpVersion} ${statusCode} ${statusMessage}\r\n`;
          for (let i = 0; i < rawHeaders.length; i += 2) head += `${rawHeaders[i]}: ${rawHeaders[i + 1]}\r\n`;
          const parts: Buffer[] = [];
          response.on("data", (part: Buffer) => parts.push(part));
          response.on("end", () => done(statusCode, head, Buffer.concat(parts)));
          response.on("error", () => done(-1, "", Buffer.alloc(0)));
        },
      );
      request.on("socket", () => {
        if (!request.reusedSocket) sockets++;
      });
      request.on("timeout", () => request.destroy());
      request.on("error", () => done(-1, "", Buffer.alloc(0)));
      request.end(payload);
    });
  const newAgent = () => new http.Agent({ keepAlive: value("keepalive", "true") !== "false", maxSockets: 1 });

  const curl = async (target: URL): Promise<number> => {
    const { code, head, body } = await askOnce(target, newAgent());
    if (code < 0) {
      err(`fortio: ${target.href} did not answer`);
      return 1;
    }
    process.stdout.write(`${head}\r\n`);
    process.stdout.write(body);
    return code >= 200 && code < 300 ? 0 : 1;
  };

  const load = async (target: URL): Promise<number> => {
    const took: number[] = [];
    const codes = new Map<number, number>();
    const begun = performance.now();
    const rateText = rate > 0 ? `${rate} queries per second` : "max qps";
    const end = calls > 0 ? `exactly ${calls} calls` : value("t", "5s");
    out(`Starting at ${rateText} with ${connections} thread(s) for ${end}`);
    let started = 0;
    const mayGoOn = () =>
      calls > 0 ? started < calls : duration === 0 || performance.now() - begun < duration;
    const runOne = async () => {
      const agent = newAgent();
      while (mayGoOn()) {
        const due = rate > 0 ? begun + (1000 * started) / rate : 0;
        started++;
        const wait = due - performance.now();
        if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
        const answer = await askOnce(target, agent);
        took.push(answer.took);
        codes.set(answer.code, (codes.get(answer.code) ?? 0) + 1);
      }
      agent.destroy();
    };
    await Promise.all(Array.from({ length: connections }, runOne));
    const elapsed = (performance.now() - begun) / 1000;
    const sum = took.reduce((all, one) => all + one, 0);
    const average = sum / Math.max(1, took.length);
    took.sort((a, b) => a - b);
    const seconds = (amount: number) => (amount / 1000).toPrecision(6);
    const qps = took.length / elapsed;
    out(`Ended after ${elapsed.toFixed(3)}s : ${took.length} calls. qps=${qps.toPrecision(5)}`);
    out(
      `Aggregated Function Time : count ${took.length} avg ${seconds(average)} min ${seconds(took[0] ?? 0)} max ${seconds(took.at(-1) ?? 0)} sum ${seconds(sum)}`,
    );
    for (const percentile of [50, 75, 90, 99, 99.9]) {
      const at = Math.min(took.length - 1, Math.floor((took.length * percentile) / 100));
      out(`# target ${percentile}% ${seconds(took[at] ?? 0)}`);
    }
    out(`Sockets used: ${sockets} (for perfect keepalive, would be ${connections})`);
    for (const [code, count] of [...codes].sort(([a], [b]) => a - b))
      out(`Code ${String(code).padStart(3)} : ${count} (${((100 * count) / took.length).toFixed(1)} %)`);
    out(`All done ${took.length} calls (plus 0 warmup) ${average.toFixed(3)} ms avg, ${qps.toFixed(1)} qps`);
    return 0;
  };

  const problem =
    verb !== "load" && verb !== "curl"
      ? `only "load" and "curl" are known here`
      : unknown.length > 0
        ? `option ${unknown[0]} is not known here`
        : url === undefined || url.protocol !== "http:"
          ? `one URL with http:// is wanted`
          : !(connections >= 1 && connections <= 1000) || !(rate >= -1) || !(calls >= 0)
            ? "-c wants 1 to 1000, -qps and -n a number"
            : Number.isNaN(duration) || Number.isNaN(timeout)
              ? "-t and -timeout want a time such as 10s"
              : undefined;
  if (problem !== undefined || url === undefined) {
    err(`fortio: ${problem}`);
    process.exitCode = 1;
    return;
  }
  void (verb === "curl" ? curl(url) : load(url)).then((code) => {
    process.exitCode = code;
  });
}
