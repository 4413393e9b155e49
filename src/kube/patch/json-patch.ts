import { isJsonObject, jsonEqual } from "./json-value.ts";
import { PatchError } from "./patch-error.ts";

/** Most operations that one patch may have; the limit of Kubernetes' API server. */
const mostOperations = 10_000;

/** Applies a JSON patch (RFC 6902). Pure: the target is not changed. Throws PatchError when an operation fails. */
export function applyJsonPatch(target: unknown, operations: unknown): unknown {
  if (!Array.isArray(operations))
    throw new PatchError(
      "error decoding patch: json: cannot unmarshal object into Go value of type jsonpatch.Patch",
    );
  if (operations.length > mostOperations)
    throw new PatchError(
      `The allowed maximum operations in a JSON patch is ${mostOperations}, got ${operations.length}`,
    );
  return operations.reduce((document: unknown, operation: unknown) => applyOne(document, operation), target);
}

function applyOne(document: unknown, operation: unknown): unknown {
  if (!isJsonObject(operation)) throw new PatchError("error decoding patch: an operation must be an object");
  const { op, path, from } = operation;
  if (typeof path !== "string")
    throw new PatchError(`error decoding patch: operation "${String(op)}" has no path`);
  const pointer = parsePointer(path);
  switch (op) {
    case "add":
      return edit(document, pointer, path, { op, value: requireValue(operation, op) });
    case "replace":
      return edit(document, pointer, path, { op, value: requireValue(operation, op) });
    case "remove":
      return edit(document, pointer, path, { op });
    case "test": {
      const found = read(document, pointer);
      const wanted = operation["value"] ?? null;
      if (!found.present && wanted !== null && pointer.length > 0)
        throw new PatchError(`testing value ${path} failed: test failed`, "Invalid");
      if (!jsonEqual(found.value ?? null, wanted))
        throw new PatchError(`testing value ${path} failed: test failed`, "Invalid");
      return document;
    }
    case "move":
    case "copy": {
      if (typeof from !== "string")
        throw new PatchError(`error decoding patch: operation "${op}" has no from`);
      const source = parsePointer(from);
      const found = read(document, source);
      if (!found.present)
        throw new PatchError(
          `${op} operation does not apply: doc is missing from path: ${from}: missing value`,
          "Invalid",
        );
      if (op === "move" && path.startsWith(`${from}/`))
        throw new PatchError(`move operation does not apply: ${path} is inside ${from}`, "Invalid");
      const rest = op === "move" ? edit(document, source, from, { op: "remove" }) : document;
      return edit(rest, pointer, path, { op: "add", value: found.value });
    }
    default:
      throw new PatchError(`Unexpected kind: ${String(op)}`);
  }
}

function requireValue(operation: Readonly<Record<string, unknown>>, op: string): unknown {
  if (!Object.hasOwn(operation, "value"))
    throw new PatchError(`error decoding patch: operation "${op}" has no value`);
  return operation["value"];
}

type Edit = { readonly op: "add" | "replace"; readonly value: unknown } | { readonly op: "remove" };

function edit(target: unknown, pointer: readonly string[], path: string, change: Edit): unknown {
  const [name, ...rest] = pointer;
  if (name === undefined) {
    if (change.op === "remove") throw missing(change.op, path);
    return change.value;
  }
  if (Array.isArray(target)) {
    const result = [...target];
    if (rest.length > 0) {
      const at = index(name, target.length - 1, change.op, path);
      result[at] = edit(target[at], rest, path, change);
    } else if (change.op === "add") {
      result.splice(name === "-" ? target.length : index(name, target.length, "add", path), 0, change.value);
    } else {
      const at = index(name, target.length - 1, change.op, path);
      result.splice(at, 1, ...(change.op === "remove" ? [] : [change.value]));
    }
    return result;
  }
  if (!isJsonObject(target)) throw missing(change.op, path);
  const present = Object.hasOwn(target, name);
  if (rest.length > 0) {
    if (!present) throw missing(change.op, path);
    return { ...target, [name]: edit(target[name], rest, path, change) };
  }
  if (change.op === "remove") {
    if (!present) throw missing(change.op, path);
    const { [name]: _, ...others } = target;
    return others;
  }
  if (change.op === "replace" && !present)
    throw new PatchError(
      `replace operation does not apply: doc is missing key: ${path}: missing value`,
      "Invalid",
    );
  return { ...target, [name]: change.value };
}

function read(
  target: unknown,
  pointer: readonly string[],
): { readonly present: boolean; readonly value?: unknown } {
  let value = target;
  for (const name of pointer) {
    if (Array.isArray(value)) {
      const at = /^(0|[1-9]\d*)$/.test(name) ? Number(name) : -1;
      if (at < 0 || at >= value.length) return { present: false };
      value = value[at];
    } else if (isJsonObject(value) && Object.hasOwn(value, name)) value = value[name];
    else return { present: false };
  }
  return { present: true, value };
}

function index(text: string, most: number, op: string, path: string): number {
  if (!/^-?(0|[1-9]\d*)$/.test(text)) throw missing(op, path);
  const asked = Number(text);
  // Negative indices count from the end, an extension that Kubernetes' patch library has.
  const at = asked < 0 ? asked + most + 1 : asked;
  if (at < 0 || at > most)
    throw new PatchError(
      `${op} operation does not apply: doc is missing path: ${path}: Unable to access invalid index: ${text}: invalid index referenced`,
      "Invalid",
    );
  return at;
}

function missing(op: string, path: string): PatchError {
  const shown = op === "add" ? `"${path}"` : path;
  return new PatchError(
    `${op} operation does not apply: doc is missing path: ${shown}: missing value`,
    "Invalid",
  );
}

function parsePointer(path: string): string[] {
  if (path === "") return [];
  if (!path.startsWith("/"))
    throw new PatchError(`error decoding patch: path "${path}" must start with a slash`);
  return path
    .slice(1)
    .split("/")
    .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
}
