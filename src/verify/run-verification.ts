import { IsthmusError, pause, systemClock } from "../base/index.ts";
import { ApiError, kinds, networkLabel } from "../kube/index.ts";
import type {
  Arrivals,
  CalledService,
  Cell,
  Check,
  Handshake,
  PodRef,
  ServiceReport,
  Share,
  VerifyReport,
  VerifyTarget,
} from "./contracts.ts";
import { type Backend, type PlannedService, planVerification } from "./plan.ts";

/** Between two looks at counts that lag, in milliseconds. */
const betweenLooks = 100;

export interface VerifyOptions {
  /** Requests from each cluster to each service; default 40. */
  readonly requests?: number;
  readonly signal: AbortSignal;
}

/**
 * Proves by real requests that the mesh works: from each cluster to each HTTP service, counted where they
 * arrive, and that those who must be refused are refused. Makes nothing but the callers that `target` may have to make.
 */
export async function runVerification(
  target: VerifyTarget,
  { requests = 40, signal }: VerifyOptions,
): Promise<VerifyReport> {
  const started = performance.now();
  const { services: planned, skipped } = await planVerification(target, signal);
  const services: ServiceReport[] = [];
  // One after another: counters at the backends must belong to one cell.
  for (const service of planned) services.push(await verifyService(target, service, requests, signal));
  const { checks, skipped: untried } = await runRefusals(target, planned, signal);
  const ok =
    services.length > 0 &&
    services.every(({ problems }) => problems.length === 0) &&
    checks.every((check) => check.ok);
  return {
    ok,
    requestsPerCell: requests,
    services,
    checks,
    skipped: [...skipped, ...services.flatMap(uncountedOf), ...untried],
    milliseconds: performance.now() - started,
  };
}

async function verifyService(
  target: VerifyTarget,
  service: PlannedService,
  requests: number,
  signal: AbortSignal,
): Promise<ServiceReport> {
  const cells: Cell[] = [];
  const uncounted: string[] = [];
  for (const client of service.clients) {
    try {
      cells.push(await runCell(target, service, client, requests, signal));
    } catch (reason) {
      signal.throwIfAborted();
      if (!(reason instanceof IsthmusError || reason instanceof ApiError)) throw reason;
      uncounted.push(`${service.service} from ${client.cluster}: ${reason.message}`);
    }
  }
  return {
    service: `${service.service}:${service.port}`,
    url: service.url,
    cells,
    problems: [...cells.flatMap((cell) => problemsOf(cell, service)), ...uncounted],
  };
}

async function runCell(
  target: VerifyTarget,
  service: PlannedService,
  from: PodRef,
  requests: number,
  signal: AbortSignal,
): Promise<Cell> {
  const { name, namespace, port } = service;
  const called = { name, namespace, port };
  const counters = async () =>
    Promise.all(
      service.backends.map((backend) => target.arrivals(backend.pod, backend.port, called, signal)),
    );
  const before = await counters();
  const answers = await target.requests(from, service.url, requests, signal);
  const answered = answers.filter(({ status }) => status > 0).length;
  const deadline = performance.now() + (target.countsLag ?? 0);
  let after = await counters();
  while (total(after) - total(before) < answered && performance.now() < deadline) {
    await pause(systemClock, betweenLooks, signal);
    after = await counters();
  }
  const arrived = after.map((now, i) => ({
    requests: now.requests - (before[i]?.requests ?? 0),
    mutual: now.mutual === undefined ? undefined : now.mutual - (before[i]?.mutual ?? 0),
  }));
  const failures = answers.filter(({ status }) => status === 0 || status >= 500);
  const [failure] = failures;
  const networks = new Map(target.clusters.map((one) => [one.name, one.network]));
  const times = answers.map(({ milliseconds }) => milliseconds).sort((a, b) => a - b);
  const shares = sharesOf(
    service.backends,
    arrived.map((one) => one.requests),
    (cluster) => crosses(networks.get(from.cluster), networks.get(cluster)),
  );
  const mtls = await isMutual(target, from, called, arrived, signal);
  const counted = shares.map(({ group, received, pods }) => `${received} by ${group} (${pods} pods)`);
  return {
    from,
    sent: requests,
    failed: failures.length,
    ...(failure === undefined ? {} : { failure: failure.failure ?? `HTTP ${failure.status}` }),
    shares,
    p50: times[Math.floor(times.length * 0.5)] ?? 0,
    p99: times[Math.min(times.length - 1, Math.floor(times.length * 0.99))] ?? 0,
    mtls,
    evidence: `${requests} requests by ${from.namespace}/${from.name} in ${from.cluster}, ${requests - failures.length} answered, counted at the sidecars where they arrived: ${counted.join(", ")}; ${mtls ? "all" : "not all"} over mutual TLS`,
  };
}

const total = (counts: readonly Arrivals[]) => counts.reduce((sum, { requests }) => sum + requests, 0);

/** By what arrived where that tells, else by the connections of the caller's proxy. */
async function isMutual(
  target: VerifyTarget,
  from: PodRef,
  service: CalledService,
  arrived: readonly { readonly requests: number; readonly mutual: number | undefined }[],
  signal: AbortSignal,
): Promise<boolean> {
  const told = arrived.filter(({ mutual }) => mutual !== undefined);
  if (told.length < arrived.length) return (await target.speaksMutualTls?.(from, service, signal)) ?? false;
  const sum = (of: (one: (typeof told)[number]) => number) => told.reduce((total, one) => total + of(one), 0);
  const all = sum((one) => one.requests);
  return all > 0 && sum((one) => one.mutual ?? 0) === all;
}

function sharesOf(
  backends: readonly Backend[],
  received: readonly number[],
  isRemote: (cluster: string) => boolean,
): Share[] {
  const groups = new Map<string, Share>();
  backends.forEach(({ group, pod: { cluster } }, i) => {
    const sum = groups.get(group);
    groups.set(group, {
      group,
      cluster,
      received: (sum?.received ?? 0) + (received[i] ?? 0),
      pods: (sum?.pods ?? 0) + 1,
      path: isRemote(cluster) ? "gateway" : "local",
    });
  });
  return [...groups.values()];
}

function crosses(from: string | undefined, to: string | undefined): boolean {
  return from !== undefined && to !== undefined && from !== to;
}

function problemsOf(cell: Cell, { service }: PlannedService): string[] {
  if (cell.failed === 0) return [];
  const why = cell.failure ?? "no answer";
  return [`${service} from ${cell.from.cluster}: ${cell.failed} of ${cell.sent} requests failed (${why})`];
}

/** Answered, but not counted at the service's own sidecars: routed elsewhere, or the port is not HTTP for them. */
function uncountedOf({ service, cells }: ServiceReport): string[] {
  return cells.flatMap((cell) => {
    const arrived = cell.shares.reduce((sum, { received }) => sum + received, 0);
    if (cell.failed > 0 || arrived >= cell.sent) return [];
    return [
      `${service} from ${cell.from.cluster}: ${cell.sent - arrived} of ${cell.sent} answers were not counted as HTTP at its sidecars (routed to another service, or a port that is not HTTP there)`,
    ];
  });
}

/** What was tried of those who must be refused. */
interface Refusals {
  readonly checks: readonly Check[];
  /** What could not be tried from here. */
  readonly skipped: readonly string[];
}

/** Who must be refused is refused: foreign certificates at pods, and TLS without a mesh server name at gateways. */
async function runRefusals(
  target: VerifyTarget,
  services: readonly PlannedService[],
  signal: AbortSignal,
): Promise<Refusals> {
  const checks: Check[] = [];
  const skipped: string[] = [];
  const note = (name: string, where: string, { isReached, accepted, detail }: Handshake) => {
    if (isReached) checks.push({ name, ok: !accepted, evidence: `${where}: ${detail}` });
    else skipped.push(`${name}: ${where} can't be reached from here (${detail})`);
  };
  const [backend] = services.flatMap(({ backends }) => backends);
  if (backend !== undefined) {
    const handshake = await target.handshake(backend, { foreignCertificate: true }, signal);
    note("a certificate of a foreign root", `${backend.pod.name} (${backend.pod.cluster})`, handshake);
  }
  for (const { name: cluster, client } of target.clusters) {
    const { items } = await client.list(kinds.services, { labelSelector: networkLabel });
    for (const { metadata, status, spec } of items) {
      const [ingress] = status?.loadBalancer?.ingress ?? [];
      const address = ingress?.ip ?? ingress?.hostname;
      const wanted = Number(metadata.labels?.["networking.istio.io/gatewayPort"] ?? 15443);
      const port = spec.ports?.find((one) => one.port === wanted)?.port;
      if (address === undefined || port === undefined) continue;
      for (const serverName of [undefined, "example.com"]) {
        const options = { foreignCertificate: false, ...(serverName === undefined ? {} : { serverName }) };
        const handshake = await target.handshake({ address, port }, options, signal);
        const name = serverName === undefined ? "TLS without a server name" : `TLS for ${serverName}`;
        note(`${name} at ${metadata.name} of ${cluster}`, `${address}:${port}`, handshake);
      }
    }
  }
  return { checks, skipped };
}
