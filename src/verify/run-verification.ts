import { kinds, networkLabel } from "../kube/index.ts";
import type {
  Answer,
  Cell,
  Check,
  PodRef,
  ServiceReport,
  Share,
  VerifyReport,
  VerifyTarget,
} from "./contracts.ts";
import { type Backend, type PlannedService, planVerification } from "./plan.ts";

export interface VerifyOptions {
  /** Requests from each cluster to each service; default 40. */
  readonly requests?: number;
  readonly signal: AbortSignal;
}

/**
 * Proves by real requests that the mesh works: from each cluster to each HTTP service, counted where they
 * arrive, and that those who must be refused are refused. Changes nothing in any cluster.
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
  const checks = await runRefusals(target, planned, signal);
  const ok =
    services.length > 0 &&
    services.every(({ problems }) => problems.length === 0) &&
    checks.every((check) => check.ok);
  return {
    ok,
    requestsPerCell: requests,
    services,
    checks,
    skipped: [...skipped, ...services.flatMap(uncountedOf)],
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
  for (const client of service.clients) cells.push(await runCell(target, service, client, requests, signal));
  return {
    service: `${service.service}:${service.port}`,
    url: service.url,
    cells,
    problems: cells.flatMap((cell) => problemsOf(cell, service)),
  };
}

async function runCell(
  target: VerifyTarget,
  service: PlannedService,
  from: PodRef,
  requests: number,
  signal: AbortSignal,
): Promise<Cell> {
  const counters = async () =>
    Promise.all(
      service.backends.map(async (backend) =>
        receivedBy(backend, await target.proxyStats(backend.pod, signal)),
      ),
    );
  const before = await counters();
  const answers: Answer[] = [];
  // One after another: what is measured is a request, not a queue.
  while (answers.length < requests) answers.push(await target.request(from, service.url, signal));
  const after = await counters();
  const received = after.map((count, i) => count - (before[i] ?? 0));
  const failures = answers.filter(({ status }) => status === 0 || status >= 500);
  const [failure] = failures;
  const networks = new Map(target.clusters.map(({ name, network }) => [name, network]));
  const times = answers.map(({ milliseconds }) => milliseconds).sort((a, b) => a - b);
  return {
    from,
    sent: requests,
    failed: failures.length,
    ...(failure === undefined ? {} : { failure: failure.failure ?? `HTTP ${failure.status}` }),
    shares: sharesOf(service.backends, received, (cluster) =>
      crosses(networks.get(from.cluster), networks.get(cluster)),
    ),
    p50: times[Math.floor(times.length * 0.5)] ?? 0,
    p99: times[Math.min(times.length - 1, Math.floor(times.length * 0.99))] ?? 0,
    mtls: isMutualTls(await target.proxyStats(from, signal), service),
  };
}

/** Requests that the backend's own sidecar has handed to its app. */
function receivedBy({ port }: Backend, stats: ReadonlyMap<string, number>): number {
  return stats.get(`cluster.inbound|${port}||.upstream_rq_total`) ?? 0;
}

/** Every connection that the client's proxy made to this service did a TLS handshake. */
function isMutualTls(stats: ReadonlyMap<string, number>, { name, namespace, port }: PlannedService): boolean {
  let connections = 0;
  let handshakes = 0;
  for (const [stat, value] of stats) {
    if (!stat.startsWith(`cluster.outbound|${port}|`) || !stat.includes(`|${name}.${namespace}.svc.`))
      continue;
    if (stat.endsWith(".upstream_cx_total")) connections += value;
    if (stat.endsWith(".upstream_cx_connect_fail")) connections -= value;
    if (stat.endsWith(".ssl.handshake")) handshakes += value;
  }
  return connections > 0 && handshakes >= connections;
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

/** Who must be refused is refused: foreign certificates at pods, and TLS without a mesh server name at gateways. */
async function runRefusals(
  target: VerifyTarget,
  services: readonly PlannedService[],
  signal: AbortSignal,
): Promise<Check[]> {
  const checks: Check[] = [];
  const [backend] = services.flatMap(({ backends }) => backends);
  if (backend !== undefined) {
    const { accepted, detail } = await target.handshake(backend, { foreignCertificate: true }, signal);
    checks.push({
      name: "a certificate of a foreign root",
      ok: !accepted,
      evidence: `${backend.pod.name} (${backend.pod.cluster}): ${detail}`,
    });
  }
  for (const { name: cluster, client } of target.clusters) {
    const { items } = await client.list(kinds.services, { labelSelector: networkLabel });
    for (const { metadata, status, spec } of items) {
      const address = status?.loadBalancer?.ingress?.[0]?.ip;
      const wanted = Number(metadata.labels?.["networking.istio.io/gatewayPort"] ?? 15443);
      const port = spec.ports?.find((one) => one.port === wanted)?.port;
      if (address === undefined || port === undefined) continue;
      for (const serverName of [undefined, "example.com"]) {
        const options = { foreignCertificate: false, ...(serverName === undefined ? {} : { serverName }) };
        const { accepted, detail } = await target.handshake({ address, port }, options, signal);
        const name = serverName === undefined ? "TLS without a server name" : `TLS for ${serverName}`;
        checks.push({
          name: `${name} at ${metadata.name} of ${cluster}`,
          ok: !accepted,
          evidence: `${address}:${port}: ${detail}`,
        });
      }
    }
  }
  return checks;
}
