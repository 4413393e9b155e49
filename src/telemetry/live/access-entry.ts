import type { AccessRecord } from "../access-log/access-record.ts";
import { parseAccessLine } from "../access-log/parse-access-line.ts";
import type { LogLine } from "../logs/log-line.ts";

/** A line of an access log, and whose it is. */
export interface AccessEntry {
  readonly cluster: string;
  readonly namespace: string;
  readonly pod: string;
  readonly record: AccessRecord;
}

/** The entry that a line of a proxy's log is; undefined when it is none. */
export function accessEntry({ cluster, namespace, pod, text }: LogLine): AccessEntry | undefined {
  const record = parseAccessLine(text);
  return record === undefined ? undefined : { cluster, namespace, pod, record };
}
