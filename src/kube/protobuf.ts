import { setField } from "./patch/json-value.ts";
import { readDataFile } from "./schema/data-file.ts";

/** A protobuf body cannot be decoded. */
export class ProtobufError extends Error {
  override readonly name = "ProtobufError";
}

/** How Kubernetes marks a protobuf body: then comes a runtime.Unknown that names the kind. */
const envelope = "k8s\0";
const metaPackage = "k8s.io.apimachinery.pkg.apis.meta.v1";

/**
 * Decodes a body of type application/vnd.kubernetes.protobuf into the object that the same client would have
 * sent as JSON. Knows the kinds of data/kubernetes-protobuf.json. Throws ProtobufError.
 */
export function decodeProtobuf(bytes: Uint8Array): Readonly<Record<string, unknown>> {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (buffer.subarray(0, 4).toString("latin1") !== envelope)
    throw new ProtobufError(
      "provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]",
    );
  let apiVersion = "";
  let kind = "";
  let raw: Buffer = Buffer.alloc(0);
  for (const field of fieldsOf(buffer.subarray(4))) {
    if (field.number === 1) {
      for (const part of fieldsOf(bytesOf(field))) {
        if (part.number === 1) apiVersion = bytesOf(part).toString();
        if (part.number === 2) kind = bytesOf(part).toString();
      }
    } else if (field.number === 2) raw = bytesOf(field);
    else if (field.number === 3 && bytesOf(field).length > 0)
      throw new ProtobufError(`content encoding ${bytesOf(field).toString()} is not supported`);
  }
  const message = messageFor(apiVersion, kind);
  if (message === undefined)
    throw new ProtobufError(`no kind "${kind}" is registered for version "${apiVersion}" in protobuf`);
  return { apiVersion, kind, ...decodeMessage(message, raw, 0) };
}

interface Field {
  readonly name: string;
  readonly type: string;
  readonly repeated: boolean;
  readonly isMap: boolean;
  readonly inline: boolean;
}

interface Message {
  readonly name: string;
  readonly fields: ReadonlyMap<number, Field>;
}

/** As data/kubernetes-protobuf.json holds them. */
interface Declaration {
  readonly nested?: Readonly<Record<string, Declaration>>;
  readonly fields?: Readonly<
    Record<
      string,
      { readonly type: string; readonly id: number; readonly rule?: string; readonly keyType?: string }
    >
  >;
}

let root: Declaration | undefined;
const messages = new Map<string, Message>();

function findMessage(name: string): Message | undefined {
  const known = messages.get(name);
  if (known !== undefined) return known;
  root ??= (readDataFile("kubernetes-protobuf.json") as { readonly root: Declaration }).root;
  const segments = name.split(".");
  let at: Declaration | undefined = root;
  for (const segment of segments) {
    const nested: Readonly<Record<string, Declaration>> | undefined = at?.nested;
    at = nested !== undefined && Object.hasOwn(nested, segment) ? nested[segment] : undefined;
  }
  if (at?.fields === undefined) return undefined;
  const scope = segments.slice(0, -1).join(".");
  const fields = new Map<number, Field>();
  for (const [field, { id, type, rule, keyType }] of Object.entries(at.fields))
    fields.set(id, {
      name: renamed[field] ?? field,
      type: scalars.has(type) ? type : type.startsWith(".") ? type.slice(1) : `${scope}.${type}`,
      repeated: rule === "repeated",
      isMap: keyType !== undefined,
      inline: inlined.has(field),
    });
  const message: Message = { name, fields };
  messages.set(name, message);
  return message;
}

function messageFor(apiVersion: string, kind: string): Message | undefined {
  const [version = "", group = ""] = apiVersion.split("/").reverse();
  const folder = group === "" ? "core" : (group.split(".")[0] ?? "");
  return findMessage(`k8s.io.api.${folder}.${version}.${kind}`) ?? findMessage(`${metaPackage}.${kind}`);
}

const scalars = new Set(["int64", "bool", "bytes", "int32", "string"]);

/** Fields of protobuf messages whose own fields stand one level higher in JSON (embedded structs of Go). */
const inlined = new Set([
  "ephemeralContainerCommon",
  "handler",
  "ingressRuleValue",
  "localObjectReference",
  "persistentVolumeSource",
  "rule",
  "ruleWithOperations",
  "volumeSource",
]);

/** Fields that are called otherwise in JSON. */
const renamed: Readonly<Record<string, string>> = {
  Expression: "expression",
  Name: "name",
  Webhooks: "webhooks",
  aPIGroup: "apiGroup",
  uID: "uid",
};

/** Messages that are a plain list in JSON. */
const lists = new Set([
  "k8s.io.api.authentication.v1.ExtraValue",
  "k8s.io.api.authorization.v1.ExtraValue",
  "k8s.io.api.certificates.v1.ExtraValue",
  `${metaPackage}.Verbs`,
]);

/**
 * Numbers and booleans whose zero means something else than their absence (pointers in Go). A zero of any
 * other field says nothing, since Go writes those always, and is left out as Go leaves it out of JSON.
 */
const meaningfulZeros = new Set([
  "activeDeadlineSeconds",
  "allocateLoadBalancerNodePorts",
  "allowPrivilegeEscalation",
  "allowVolumeExpansion",
  "automountServiceAccountToken",
  "averageUtilization",
  "backoffLimit",
  "backoffLimitPerIndex",
  "blockOwnerDeletion",
  "completions",
  "controller",
  "defaultMode",
  "deletionGracePeriodSeconds",
  "enableServiceLinks",
  "expirationSeconds",
  "failedJobsHistoryLimit",
  "fsGroup",
  "gracePeriodSeconds",
  "hostUsers",
  "ignoreStoreReadErrorWithClusterBreakingPotential",
  "immutable",
  "leaseDurationSeconds",
  "leaseTransitions",
  "manualSelector",
  "maxFailedIndexes",
  "minDomains",
  "minReplicas",
  "mode",
  "optional",
  "orphanDependents",
  "parallelism",
  "partition",
  "percent",
  "priority",
  "privileged",
  "progressDeadlineSeconds",
  "readOnlyRootFilesystem",
  "ready",
  "replicas",
  "revisionHistoryLimit",
  "runAsGroup",
  "runAsNonRoot",
  "runAsUser",
  "serving",
  "setHostnameAsFQDN",
  "shareProcessNamespace",
  "stabilizationWindowSeconds",
  "started",
  "startingDeadlineSeconds",
  "successfulJobsHistoryLimit",
  "suspend",
  "terminating",
  "terminationGracePeriodSeconds",
  "tolerationSeconds",
  "ttlSecondsAfterFinished",
  // No pointers, but written in JSON even when zero.
  "allowed",
  "restartCount",
  "value",
]);

/** The one text whose emptiness says something: a claim without a class. */
const meaningfulEmptyText = "storageClassName";

/** References to ports that Go writes always and that are unset when zero. */
const unsetPorts = new Set(["port", "targetPort"]);

const deepest = 100;

function decodeMessage(message: Message, bytes: Buffer, depth: number): Record<string, unknown> {
  if (depth > deepest) throw new ProtobufError("the message is nested too deeply");
  const result: Record<string, unknown> = {};
  for (const raw of fieldsOf(bytes)) {
    const field = message.fields.get(raw.number);
    if (field === undefined) continue; // A field of a later Kubernetes.
    if (field.isMap) {
      const map = (result[field.name] as Record<string, unknown> | undefined) ?? {};
      decodeEntry(field, bytesOf(raw), map, depth);
      result[field.name] = map;
    } else if (field.repeated) {
      const list = (result[field.name] as unknown[] | undefined) ?? [];
      decodeItems(field, raw, list, depth);
      result[field.name] = list;
    } else if (field.inline) {
      const inner = findMessage(field.type);
      if (inner !== undefined) Object.assign(result, decodeMessage(inner, bytesOf(raw), depth + 1));
    } else {
      const value = decodeValue(field.type, raw, depth);
      if (!isUnset(field, value)) result[field.name] = value;
    }
  }
  return result;
}

/** Whether the value is one that Go leaves out of JSON. */
function isUnset(field: Field, value: unknown): boolean {
  switch (value) {
    case undefined:
      return true;
    case 0:
    case false:
      return field.type === intOrString ? unsetPorts.has(field.name) : !meaningfulZeros.has(field.name);
    case "":
      return field.name !== meaningfulEmptyText;
    default:
      return false;
  }
}

function decodeEntry(field: Field, bytes: Buffer, map: Record<string, unknown>, depth: number): void {
  let key = "";
  let value: unknown = field.type === "string" || field.type === "bytes" ? "" : undefined;
  for (const part of fieldsOf(bytes)) {
    if (part.number === 1) key = bytesOf(part).toString();
    else if (part.number === 2) value = decodeValue(field.type, part, depth);
  }
  if (value !== undefined) setField(map, key, value);
}

function decodeItems(field: Field, raw: RawField, list: unknown[], depth: number): void {
  if (raw.wire === "bytes" && (field.type === "int32" || field.type === "int64")) {
    // Packed numbers, which newer encoders may choose.
    const reader = { bytes: raw.bytes, at: 0 };
    while (reader.at < reader.bytes.length) list.push(signed(readVarint(reader)));
    return;
  }
  const value = decodeValue(field.type, raw, depth);
  if (value !== undefined) list.push(value);
}

const quantity = "k8s.io.apimachinery.pkg.api.resource.Quantity";
const intOrString = "k8s.io.apimachinery.pkg.util.intstr.IntOrString";

/** A single value in its JSON form; undefined for one that JSON has no form for (the zero time). */
function decodeValue(type: string, raw: RawField, depth: number): unknown {
  switch (type) {
    case "string":
      return bytesOf(raw).toString();
    case "bytes":
      return bytesOf(raw).toString("base64");
    case "bool":
      return numberOf(raw) !== 0;
    case "int32":
    case "int64":
      return numberOf(raw);
    case `${metaPackage}.Time`:
      return decodeTime(bytesOf(raw), 0);
    case `${metaPackage}.MicroTime`:
      return decodeTime(bytesOf(raw), 6);
    case `${metaPackage}.Duration`:
      return formatDuration(numberField(bytesOf(raw), 1) ?? 0);
    case `${metaPackage}.FieldsV1`:
    case "k8s.io.apimachinery.pkg.runtime.RawExtension":
      return decodeJson(bytesField(bytesOf(raw), 1));
    case quantity:
      return bytesField(bytesOf(raw), 1)?.toString() ?? "0";
    case intOrString: {
      const bytes = bytesOf(raw);
      const isText = numberField(bytes, 1) === 1;
      return isText ? (bytesField(bytes, 3)?.toString() ?? "") : (numberField(bytes, 2) ?? 0);
    }
  }
  if (lists.has(type)) return [...fieldsOf(bytesOf(raw))].map((item) => bytesOf(item).toString());
  const message = findMessage(type);
  if (message === undefined) throw new ProtobufError(`the message ${type} is not known`);
  return decodeMessage(message, bytesOf(raw), depth + 1);
}

/** RFC 3339 with so many digits behind the second; the zero time is none. */
function decodeTime(bytes: Buffer, digits: number): string | undefined {
  const seconds = numberField(bytes, 1) ?? 0;
  const nanos = numberField(bytes, 2) ?? 0;
  if (bytes.length === 0) return undefined;
  const date = new Date(seconds * 1000);
  if (Number.isNaN(date.getTime())) throw new ProtobufError(`${seconds} s is no time that can be written`);
  const fraction =
    digits === 0 ? "" : `.${String(Math.floor(nanos / 10 ** (9 - digits))).padStart(digits, "0")}`;
  return `${date.toISOString().slice(0, -5)}${fraction}Z`;
}

/** Go's text of a duration in nanoseconds: 90 s is "1m30s". */
function formatDuration(nanos: number): string {
  if (nanos === 0) return "0s";
  const sign = nanos < 0 ? "-" : "";
  const total = Math.abs(nanos);
  if (total < 1e3) return `${sign}${total}ns`;
  if (total < 1e6) return `${sign}${total / 1e3}µs`;
  if (total < 1e9) return `${sign}${total / 1e6}ms`;
  const seconds = total / 1e9;
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  const rest = `${Number((seconds % 60).toFixed(9))}s`;
  if (hours > 0) return `${sign}${hours}h${minutes}m${rest}`;
  return `${sign}${minutes > 0 ? `${minutes}m` : ""}${rest}`;
}

function decodeJson(bytes: Buffer | undefined): unknown {
  if (bytes === undefined || bytes.length === 0) return undefined;
  try {
    return JSON.parse(bytes.toString());
  } catch (cause) {
    throw new ProtobufError("an embedded object is no JSON", { cause });
  }
}

type RawField =
  | { readonly number: number; readonly wire: "varint"; readonly value: bigint | number }
  | { readonly number: number; readonly wire: "bytes"; readonly bytes: Buffer }
  | { readonly number: number; readonly wire: "fixed" };

interface Reader {
  readonly bytes: Buffer;
  at: number;
}

function* fieldsOf(bytes: Buffer): Iterable<RawField> {
  const reader: Reader = { bytes, at: 0 };
  while (reader.at < bytes.length) {
    const tag = Number(readVarint(reader));
    const number = Math.floor(tag / 8);
    if (number === 0) throw new ProtobufError("illegal tag 0");
    switch (tag % 8) {
      case 0:
        yield { number, wire: "varint", value: readVarint(reader) };
        break;
      case 1:
        skip(reader, 8);
        yield { number, wire: "fixed" };
        break;
      case 2: {
        const length = Number(readVarint(reader));
        const start = reader.at;
        skip(reader, length);
        yield { number, wire: "bytes", bytes: bytes.subarray(start, reader.at) };
        break;
      }
      case 5:
        skip(reader, 4);
        yield { number, wire: "fixed" };
        break;
      default:
        throw new ProtobufError(`wire type ${tag % 8} is not supported`);
    }
  }
}

function skip(reader: Reader, length: number): void {
  if (length > reader.bytes.length - reader.at) throw new ProtobufError("unexpected EOF");
  reader.at += length;
}

/** An unsigned varint; a bigint only when it does not fit a number. */
function readVarint(reader: Reader): bigint | number {
  let low = 0;
  let big: bigint | undefined;
  for (let i = 0; i < 10; i++) {
    const byte = reader.bytes[reader.at++];
    if (byte === undefined) throw new ProtobufError("unexpected EOF");
    if (i < 4) low += (byte & 0x7f) * 2 ** (7 * i);
    else big = (big ?? BigInt(low)) | (BigInt(byte & 0x7f) << BigInt(7 * i));
    if (byte < 0x80) return big ?? low;
  }
  throw new ProtobufError("varint is too long");
}

function signed(value: bigint | number): number {
  return typeof value === "number" ? value : Number(BigInt.asIntN(64, value));
}

function bytesOf(field: RawField): Buffer {
  if (field.wire !== "bytes") throw new ProtobufError(`field ${field.number} has the wrong wire type`);
  return field.bytes;
}

function numberOf(field: RawField): number {
  if (field.wire !== "varint") throw new ProtobufError(`field ${field.number} has the wrong wire type`);
  return signed(field.value);
}

function bytesField(bytes: Buffer, wanted: number): Buffer | undefined {
  for (const field of fieldsOf(bytes)) if (field.number === wanted) return bytesOf(field);
  return undefined;
}

function numberField(bytes: Buffer, wanted: number): number | undefined {
  for (const field of fieldsOf(bytes)) if (field.number === wanted) return numberOf(field);
  return undefined;
}
