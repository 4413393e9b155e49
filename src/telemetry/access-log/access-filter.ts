import { type AccessRecord, type AccessSide, destinationOf, sideOf } from "./access-record.ts";

/** Which records are wanted; absent: any. */
export interface AccessFilter {
  /** "reviews", "reviews.default" or any longer form of a service's name. */
  readonly service?: string;
  /** "503", or "5xx" for a whole class. */
  readonly codes?: readonly string[];
  /** Response flags, any of which the record has. */
  readonly flags?: readonly string[];
  readonly method?: string;
  /** What the path begins with. */
  readonly path?: string;
  readonly side?: AccessSide;
}

/** Whether a record is wanted. `namespace` is that of the pod that wrote it, where short names are looked up. */
export function isWantedAccess(record: AccessRecord, namespace: string, filter: AccessFilter): boolean {
  const { service, codes, flags, method, path, side } = filter;
  return (
    (service === undefined || isAbout(record, namespace, service)) &&
    (codes === undefined || codes.some((code) => isCode(record.status, code))) &&
    (flags === undefined || flags.some((flag) => record.flags.includes(flag))) &&
    (method === undefined || record.method === method.toUpperCase()) &&
    (path === undefined || (record.path ?? "").startsWith(path)) &&
    (side === undefined || sideOf(record) === side)
  );
}

function isCode(status: number, code: string): boolean {
  return /^[1-5]xx$/i.test(code) ? Math.floor(status / 100) === Number(code[0]) : String(status) === code;
}

/** Whether one name is the other, or what the other begins with: "reviews.default" of "reviews.default.svc.cluster.local". */
function isAbout(record: AccessRecord, namespace: string, service: string): boolean {
  const { host } = destinationOf(record);
  if (host === undefined) return false;
  // A host as an app writes it may leave out the namespace that it is in.
  const full = host.includes(".") ? host : `${host}.${namespace}`;
  return full === service || full.startsWith(`${service}.`) || service.startsWith(`${full}.`);
}
