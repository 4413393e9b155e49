import type { IncomingMessage } from "node:http";
import { IsthmusError } from "../base/index.ts";
import { parseAction } from "./actions/parse-action.ts";
import { applyAction, planAction } from "./actions/run-action.ts";
import type { LoadsPage, Proof, VerifyReport } from "./api.ts";
import { checksPage } from "./pages/checks-page.ts";
import { clusterPage, clustersPage } from "./pages/clusters-page.ts";
import { configObject, configPage } from "./pages/config-page.ts";
import { destinationsPage } from "./pages/destinations-page.ts";
import { livePage } from "./pages/live-page.ts";
import { meshPage } from "./pages/mesh-page.ts";
import { searchIndex } from "./pages/search-index.ts";
import { servicesPage } from "./pages/services-page.ts";
import { shiftPage } from "./pages/shift-page.ts";
import { tracePage, tracesPage } from "./pages/traces-page.ts";
import { trafficPage } from "./pages/traffic-page.ts";
import { trustPage } from "./pages/trust-page.ts";
import { workloadPage } from "./pages/workload-page.ts";
import { workloadsPage } from "./pages/workloads-page.ts";
import { workspacesPage } from "./pages/workspaces-page.ts";
import type { Reader } from "./reader.ts";

type Parameters = Readonly<Record<string, string>>;
type Page = (reader: Reader, query: URLSearchParams, parameters: Parameters) => Promise<unknown>;
type Call = (reader: Reader, body: unknown, signal: AbortSignal) => Promise<unknown>;

/** What can be read, by path; a part in braces stands for any. */
const pages: Readonly<Record<string, Page>> = {
  "/api/mesh": meshPage,
  "/api/checks": checksPage,
  "/api/loads": async ({ loads }): Promise<LoadsPage> => ({ loads: loads.list() }),
  "/api/index": searchIndex,
  "/api/shift/{namespace}/{service}": shiftPage,
  "/api/services": servicesPage,
  "/api/config": configPage,
  "/api/config/{cluster}/{kind}/{namespace}/{name}": configObject,
  "/api/trust": trustPage,
  "/api/live": livePage,
  "/api/traces": tracesPage,
  "/api/traces/{id}": tracePage,
  "/api/traffic": trafficPage,
  "/api/workloads": workloadsPage,
  "/api/clusters": clustersPage,
  "/api/clusters/{cluster}": clusterPage,
  "/api/clusters/{cluster}/namespaces/{namespace}/workloads/{name}": workloadPage,
  "/api/clusters/{cluster}/namespaces/{namespace}/pods/{pod}/destinations": destinationsPage,
  "/api/workspaces": workspacesPage,
};

/** What can be asked for that does something. */
const calls: Readonly<Record<string, Call>> = {
  "/api/verify": async (reader, _, signal) => {
    const report = await reader.source.verify(signal);
    reader.proof = proofOf(report, reader.clock.now());
    return report;
  },
  "/api/actions/plan": (reader, body) => planAction(reader, parseAction(body)),
  "/api/actions/apply": (reader, body, signal) => {
    const { action, seen } = body as { readonly action?: unknown; readonly seen?: unknown };
    return applyAction(reader, { action: parseAction(action), seen: String(seen) }, signal);
  },
};

const maxBodyBytes = 64 * 1024;

/** Reads the page at `target`, a path with its query. Rejects with console/no-such-page. */
export async function readPage(reader: Reader, target: string): Promise<unknown> {
  const { pathname, searchParams } = new URL(target, "http://console");
  for (const [pattern, page] of Object.entries(pages)) {
    const parameters = match(pattern, pathname);
    if (parameters !== undefined) return page(reader, searchParams, parameters);
  }
  throw noSuchPage(pathname);
}

/** Does what a POST to `path` asks for. */
export async function callAction(
  reader: Reader,
  path: string,
  request: IncomingMessage,
  signal: AbortSignal,
): Promise<unknown> {
  const call = Object.hasOwn(calls, path) ? calls[path] : undefined;
  if (call === undefined) throw noSuchPage(path);
  return call(reader, await readBody(request), signal);
}

function match(pattern: string, path: string): Parameters | undefined {
  const [wanted, given] = [pattern.split("/"), path.split("/")];
  if (wanted.length !== given.length) return undefined;
  const parameters: Record<string, string> = {};
  for (const [i, part] of wanted.entries()) {
    const text = given[i] ?? "";
    if (part.startsWith("{")) parameters[part.slice(1, -1)] = decodeURIComponent(text);
    else if (part !== text) return undefined;
  }
  return parameters;
}

async function readBody(request: IncomingMessage): Promise<unknown> {
  if (!/^application\/json\b/.test(request.headers["content-type"] ?? ""))
    throw new IsthmusError("arguments/wrong", "what is asked for comes as application/json");
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxBodyBytes)
      throw new IsthmusError("arguments/wrong", `a call may be ${maxBodyBytes} bytes at most`);
    chunks.push(chunk);
  }
  try {
    return size === 0 ? {} : JSON.parse(Buffer.concat(chunks).toString("utf8"));
  } catch {
    throw new IsthmusError("arguments/wrong", "what was sent is not JSON");
  }
}

function noSuchPage(path: string): IsthmusError {
  return new IsthmusError("console/no-such-page", `the console has no ${path.slice(0, 200)}`);
}

function proofOf({ ok, services, checks, milliseconds }: VerifyReport, at: number): Proof {
  return {
    at,
    ok,
    requests: services.flatMap(({ cells }) => cells).reduce((sum, { sent }) => sum + sent, 0),
    problems: [
      ...services.flatMap(({ problems }) => problems),
      ...checks.filter((check) => !check.ok).map(({ name, evidence }) => `${name}: ${evidence}`),
      ...(services.length === 0 ? ["no service could be called"] : []),
    ],
    milliseconds,
  };
}
