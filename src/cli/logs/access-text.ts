import {
  type AccessRecord,
  destinationOf,
  type LogLine,
  responseFlagMeaning,
  sideOf,
} from "../../telemetry/index.ts";
import type { Paint } from "../terminal.ts";

const arrows = { client: "→", server: "←", passthrough: "·" } as const;

/** A record of an access log for people: who, which way, what, how it ended and where it went. */
export function accessText(line: LogLine, record: AccessRecord, paint: Paint): string {
  const {
    method,
    path = "",
    flags,
    duration,
    upstreamHost,
    bytesSent,
    bytesReceived,
    transportFailure,
  } = record;
  const side = sideOf(record);
  const { host = "?", port, subset } = destinationOf(record);
  const place = `${host}${port === undefined ? "" : `:${port}`}`;
  const what =
    method === undefined
      ? `TCP ${place} ${bytesReceived} B in, ${bytesSent} B out`
      : `${method} ${place}${path}`;
  const why = [...flags.map((flag) => `${flag} ${responseFlagMeaning(flag) ?? ""}`.trim()), transportFailure];
  return [
    paint.dim(new Date(record.start).toISOString().slice(11, 23)),
    paint.dim(`${line.cluster} ${line.pod}.${line.namespace}`),
    arrows[side],
    what,
    method === undefined ? undefined : statusText(record, paint),
    `${duration} ms`,
    upstreamHost === undefined
      ? undefined
      : paint.dim(`${subset === undefined ? "" : `${subset} `}at ${upstreamHost}`),
    ...why.map((text) => (text === undefined ? undefined : paint.bad(text))),
  ]
    .filter((part) => part !== undefined)
    .join("  ");
}

function statusText({ status }: AccessRecord, paint: Paint): string {
  if (status === 0 || status >= 500) return paint.bad(String(status));
  return status >= 400 ? paint.warn(String(status)) : paint.good(String(status));
}
