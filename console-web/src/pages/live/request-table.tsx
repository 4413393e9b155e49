import type { LiveRow, PodReference } from "../../../../src/console/api.ts";
import { ClusterMark } from "../../parts/cluster-mark.tsx";

/** Requests as rows, the newest first; one of them may be open. */
export function RequestTable({
  requests,
  chosen,
  onChoose,
}: {
  readonly requests: readonly LiveRow[];
  readonly chosen: string | undefined;
  readonly onChoose: (id: string | undefined) => void;
}) {
  return (
    <table className="requests">
      <thead>
        <tr>
          <th>Time</th>
          <th>From</th>
          <th>Request</th>
          <th>Answered by</th>
          <th className="right">Status</th>
          <th className="right">ms</th>
        </tr>
      </thead>
      <tbody>
        {requests.map((request) => (
          <Row
            key={request.id}
            request={request}
            isChosen={request.id === chosen}
            onChoose={() => onChoose(request.id === chosen ? undefined : request.id)}
          />
        ))}
      </tbody>
    </table>
  );
}

function Row({
  request,
  isChosen,
  onChoose,
}: {
  readonly request: LiveRow;
  readonly isChosen: boolean;
  readonly onChoose: () => void;
}) {
  const { start, from, to, method, status, flags, durationMs, hasFailed } = request;
  return (
    <tr className={isChosen ? "is-chosen" : undefined}>
      <td className="nowrap dim">
        <time dateTime={new Date(start).toISOString()}>{timeOf(start)}</time>
      </td>
      <td>
        <Pod pod={from} otherwise="outside" />
      </td>
      <td>
        <button type="button" className="request" aria-expanded={isChosen} data-row onClick={onChoose}>
          <span className="bold">{method ?? "TCP"}</span> {whatOf(request)}
        </button>
      </td>
      <td>
        <Pod pod={to} otherwise={hasFailed ? "nobody" : "–"} />
      </td>
      <td className={`right nowrap ${toneOf(request)}`} title={flags.join(" ")}>
        {hasFailed ? "✕ " : ""}
        {status === 0 ? "–" : status}
      </td>
      <td className="right">{durationMs}</td>
    </tr>
  );
}

/** The service and path that were asked for. */
export function whatOf({ host, port, authority, path = "" }: LiveRow): string {
  const name = host === undefined ? (authority ?? "") : host.replace(/\.svc\.cluster\.local$/, "");
  return `${name}${port === undefined ? "" : `:${port}`}${path}`;
}

function toneOf({ hasFailed, status }: LiveRow): string {
  if (hasFailed) return "fail";
  return status >= 400 ? "warn" : "";
}

function Pod({ pod, otherwise }: { readonly pod: PodReference | undefined; readonly otherwise: string }) {
  if (pod === undefined) return <span className="dimmer">{otherwise}</span>;
  return (
    <span className="row tight" title={`${pod.pod} in ${pod.namespace}, ${pod.cluster}`}>
      <ClusterMark name={pod.cluster} />
      <span className="said">{pod.cluster}</span>
      <span className="clip">{pod.pod}</span>
    </span>
  );
}

/** Hours to milliseconds, where the reader is. */
export function timeOf(time: number): string {
  const date = new Date(time);
  return `${date.toLocaleTimeString("en-GB")}.${String(date.getMilliseconds()).padStart(3, "0")}`;
}
