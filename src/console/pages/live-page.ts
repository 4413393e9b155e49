import type { AccessEntry, LiveRequest } from "../../telemetry/index.ts";
import type { LivePage, LiveRow, PodReference } from "../api.ts";
import type { Reader } from "../reader.ts";

const mostRows = 80;

/** The newest requests of the whole mesh: GET /api/live?service=NAME&code=5xx&cluster=NAME&path=/PREFIX */
export async function livePage(reader: Reader, query: URLSearchParams): Promise<LivePage> {
  const live = await reader.source.live();
  const text = (name: string) => query.get(name) || undefined;
  const [service, path, code, cluster] = ["service", "path", "code", "cluster"].map(text);
  const requests = live.requests({
    ...(service === undefined ? {} : { service }),
    ...(path === undefined ? {} : { path }),
    ...(code === undefined ? {} : { codes: code.split(",") }),
    ...(cluster === undefined ? {} : { clusters: [cluster] }),
    limit: mostRows,
  });
  return { requests: requests.map(rowOf), away: [...live.away].sort(), hasEntries: live.hasEntries };
}

function rowOf({ id, start, seen, caller, callees, host, subset, port, trail }: LiveRequest): LiveRow {
  const { method, path, authority, status, flags, duration, requestId } = seen.record;
  const answered = callees.at(-1);
  return {
    id,
    start,
    ...(caller === undefined ? {} : { from: podOf(caller) }),
    ...(answered === undefined ? {} : { to: podOf(answered) }),
    ...(host === undefined ? {} : { host }),
    ...(port === undefined ? {} : { port }),
    ...(subset === undefined ? {} : { subset }),
    ...(authority === undefined ? {} : { authority }),
    ...(method === undefined ? {} : { method }),
    ...(path === undefined ? {} : { path }),
    ...(requestId === undefined ? {} : { requestId }),
    status,
    flags,
    durationMs: duration,
    hasFailed: status >= 500 || trail.some(({ isProblem }) => isProblem),
    trail,
  };
}

function podOf({ cluster, namespace, pod }: AccessEntry): PodReference {
  return { cluster, namespace, pod };
}
