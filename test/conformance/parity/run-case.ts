import type { Socket } from "node:net";
import { networkInterfaces } from "node:os";
import { waitFor } from "../../../src/base/index.ts";
import type { Arrival } from "./apps.ts";
import { askHttp1, askHttp2, askTcp, type ClientAnswer, converse, secure, splitAsk } from "./ask.ts";
import type { Case, Connection, HttpStep, RawStep, Step, TcpStep } from "./case.ts";
import type { Stage } from "./stage.ts";
import type { Blocks } from "./world.ts";

/** What came of one step, with everything left out that differs between two runs. */
export interface Observed {
  readonly answers: readonly ObservedAnswer[];
  /** The proxy ended the connection. Undefined where the client did. */
  readonly closed?: boolean;
  readonly arrivals: readonly Arrival[];
  readonly log: readonly Readonly<Record<string, unknown>>[];
  /** Milliseconds that it took; not compared. */
  readonly took: number;
}

export type ObservedAnswer = Omit<ClientAnswer, "headers"> & {
  readonly headers: readonly (readonly [string, string])[];
};

/** Runs a case on a stage. */
export async function runCase(stage: Stage, row: Case): Promise<Observed[]> {
  await stage.show(row);
  // Afterwards, since a late retry of the case before may still have come meanwhile.
  stage.apps.reset(row.apps ?? {});
  const started = Date.now();
  const observed: Omit<Observed, "log">[] = [];
  const countsConnections = row.steps.some(
    (step) => "tcp" in step || ("tls" in step && step.tls !== undefined),
  );
  let arrived = 0;
  let expectedLogs = 0;
  const lines = () => stage.lines(row.proxy).flatMap((line) => parseLine(line, started));
  const logsCame = (count: number) =>
    quietly(
      waitFor(() => (lines().length >= count ? true : undefined), { signal: AbortSignal.timeout(1500) }),
    );
  for (const step of row.steps) {
    if (!isAsking(step)) {
      if (step.wait !== undefined) await new Promise((resolve) => setTimeout(resolve, step.wait));
      if (step.objects !== undefined) await stage.show({ ...row, objects: step.objects });
      continue;
    }
    const before = performance.now();
    const came = await runStep(stage, row, step);
    const took = performance.now() - before;
    // What a mirror or a retry asks may arrive after the answer.
    const wanted = arrived + expectedArrivals(step);
    await quietly(
      waitFor(() => (stage.apps.arrivals.length >= wanted ? true : undefined), {
        signal: AbortSignal.timeout(500),
      }),
    );
    const arrivals = stage.apps.arrivals
      .slice(arrived)
      .map((arrival) => plainArrival(arrival, stage.blocks, givenBy(step)))
      .sort((a, b) => (a.app < b.app ? -1 : a.app > b.app ? 1 : 0));
    arrived = stage.apps.arrivals.length;
    // Connections are logged when they end, so that the next one may be before them.
    expectedLogs += logsOf(step);
    if (countsConnections) await logsCame(expectedLogs);
    observed.push({
      ...came,
      answers: came.answers.map((answer) => plainAnswer(answer, stage.blocks)),
      arrivals,
      took,
    });
  }
  const counts = row.steps.filter(isAsking).map(logsOf);
  await logsCame(expectedLogs);
  const logged = lines().map((line) => plainLog(line, stage.blocks));
  let at = 0;
  return observed.map((step, index) => {
    const count = index === observed.length - 1 ? logged.length - at : (counts[index] ?? 0);
    at += count;
    return { ...step, log: logged.slice(at - count, at) };
  });
}

/** Whether a step sends something; others change the stage. */
export function isAsking(step: Step): step is HttpStep | RawStep | TcpStep {
  return "answer" in step || "send" in step;
}

async function quietly(wait: Promise<unknown>): Promise<void> {
  await wait.catch(() => {});
}

function expectedArrivals(step: Step): number {
  if (!("answer" in step) || "tcp" in step) return 0;
  const { app, also, seen } = step.answer;
  return (
    (app === "" || (app === undefined && seen === undefined) ? 0 : (step.times ?? 1)) + (also?.length ?? 0)
  );
}

function logsOf(step: Step): number {
  if ("ask" in step) return step.logs ?? step.times ?? 1;
  if ("send" in step) return step.logs ?? step.answers?.length ?? 1;
  return 1;
}

async function runStep(
  stage: Stage,
  row: Case,
  step: HttpStep | RawStep | TcpStep,
): Promise<{ readonly answers: readonly ClientAnswer[]; readonly closed?: boolean }> {
  const open = (service: string) => openConnection(stage, row, step, service);
  if ("tcp" in step) {
    const socket = await open(step.at ?? "tcp");
    const body = socket === undefined ? "" : await askTcp(socket, step.tcp);
    return { answers: [{ ...none, body }] };
  }
  if ("send" in step) {
    const socket = await open(step.at ?? "solo");
    if (socket === undefined) return { answers: [], closed: true };
    return converse(socket, [step.send].flat(), step.answers?.length ?? 1, {
      ...(step.isHead === undefined ? {} : { isHead: step.isHead }),
      ...(step.closes === undefined ? {} : { closes: step.closes }),
    });
  }
  const [, , host] = splitAsk(step.ask);
  const once = async () => {
    const socket = await open(host);
    if (socket === undefined) return none;
    return step.http2 === true
      ? askHttp2(socket, host, step, step.tls === undefined ? "http" : "https")
      : askHttp1(socket, host, step);
  };
  if (step.atOnce === true)
    return { answers: await Promise.all(Array.from({ length: step.times ?? 1 }, once)) };
  const answers: ClientAnswer[] = [];
  for (let i = 0; i < (step.times ?? 1); i++) answers.push(await once());
  return { answers };
}

const none: ClientAnswer = { status: 0, headers: [], body: "", trailers: [], interim: [], broken: "before" };

async function openConnection(
  stage: Stage,
  row: Case,
  connection: Connection,
  service: string,
): Promise<Socket | undefined> {
  const socket = await stage.connect(row.proxy, connection, service).catch(() => undefined);
  if (socket === undefined || connection.tls === undefined) return socket;
  return secure(socket, connection.tls, stage.identity(connection));
}

function parseLine(line: string, since: number): Record<string, unknown>[] {
  if (!line.startsWith("{")) return [];
  const fields = JSON.parse(line) as Record<string, unknown>;
  if (!("flags" in fields)) return [];
  // START_TIME is cut to milliseconds.
  if (Math.round(Number(fields["began"]) * 1000) < since - 1) return [];
  return [fields];
}

const uuid = /\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/g;

function plain(text: string, blocks: Blocks): string {
  return text
    .replaceAll(`127.${blocks.block}.`, "127.B.")
    .replaceAll(`127.${blocks.outside}.`, "127.O.")
    .replaceAll(uuid, "<uuid>")
    .replaceAll(/="[0-9a-f]{16}"/g, '="<hash>"')
    .replaceAll(/(127\.B\.[0-9.]+):(3[2-9]|[4-6][0-9])[0-9]{3}\b/g, "$1:<port>");
}

/** Values that count time, or are made up anew. */
const changing: Readonly<Record<string, string>> = {
  date: "<date>",
  "x-envoy-upstream-service-time": "<ms>",
};

/** Fields in the order of their names; repeated ones as one list, which means the same (RFC 9110 5.3). */
function plainFields(fields: readonly (readonly [string, string])[], blocks: Blocks) {
  const joined = new Map<string, string>();
  for (const [name, value] of fields) {
    const before = joined.get(name);
    joined.set(name, before === undefined ? value : `${before}${name === "set-cookie" ? "\n" : ","}${value}`);
  }
  return [...joined]
    .map(([name, value]) => [name, changing[name] ?? plain(value, blocks)] as const)
    .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
}

function plainAnswer(answer: ClientAnswer, blocks: Blocks): ObservedAnswer {
  return {
    ...answer,
    body: plain(answer.body, blocks),
    headers: plainFields(answer.headers, blocks),
    trailers: plainFields(answer.trailers, blocks),
  };
}

const timeLeft = "x-envoy-expected-rq-timeout-ms";

/** Values of a request's own headers. */
function givenBy(step: Step): readonly string[] {
  return "headers" in step ? Object.values(step.headers ?? {}).flat() : [];
}

const traceFields = new Set(["b3", "x-b3-traceid", "x-b3-spanid", "x-b3-parentspanid", "traceparent"]);

/** Ids of traces and spans that a proxy made up, as how long they are. */
function plainIds(text: string, given: readonly string[]): string {
  return text.replaceAll(/\b(?:[0-9a-f]{32}|[0-9a-f]{16})\b/g, (id) =>
    given.some((value) => value.includes(id)) ? id : `<${id.length}>`,
  );
}

function plainArrival(arrival: Arrival, blocks: Blocks, given: readonly string[]): Arrival {
  const isFirstTry = arrival.headers.every(
    ([name, value]) => name !== "x-envoy-attempt-count" || value === "1",
  );
  return {
    ...arrival,
    host: plain(arrival.host, blocks),
    path: plain(arrival.path, blocks),
    headers: plainFields(arrival.headers, blocks).map(([name, value]) => [
      name,
      isFirstTry || name !== timeLeft ? plainRequestField(name, value, given) : "<ms>",
    ]),
    trailers: plainFields(arrival.trailers, blocks),
  };
}

/** A machine has many addresses: Envoy takes any for its own. */
function plainRequestField(name: string, value: string, given: readonly string[]): string {
  if (traceFields.has(name)) return plainIds(value, given);
  if (name === "x-forwarded-for")
    return ownAddresses.reduce((text, own) => text.replaceAll(own, "<own>"), value);
  return value;
}

const ownAddresses: readonly string[] = [
  ...Object.values(networkInterfaces()).flatMap((list) => (list ?? []).map(({ address }) => address)),
  "127.B.1.1",
  "127.B.1.2",
  "127.B.1.3",
].filter((address) => address !== "127.0.0.1");

function plainLog(line: Record<string, unknown>, blocks: Blocks): Record<string, unknown> {
  const { began: _, ...fields }: Record<string, unknown> = line;
  // Of TLS that goes through, bytes depend on the length of signatures.
  if (fields["protocol"] === null && fields["sni"] !== null) {
    delete fields["sent"];
    delete fields["received"];
  }
  // Behind a real Envoy the agent dials in its place, from a socket that has no other name.
  if (String(fields["host"]).includes("/isthmus-envoy-")) fields["host"] = fields["local"];
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      name,
      typeof value === "string" ? plain(value, blocks) : value,
    ]),
  );
}
