import { isJsonObject } from "../patch/json-value.ts";
import { fieldSchema, type SchemaNode } from "./schema-node.ts";

/** Most mistakes that are reported of one object, as in Kubernetes. */
const mostErrors = 100;

/**
 * The fields of `object` that its schema does not have, in Kubernetes' words: `unknown field "spec.foo"`.
 * Empty when all are known. A place where any field may stand has no unknown ones.
 */
export function strictFieldErrors(schema: SchemaNode, object: unknown): string[] {
  const errors: string[] = [];
  const visit = (node: SchemaNode, value: unknown, path: string): void => {
    if (errors.length >= mostErrors) return;
    if (Array.isArray(value)) {
      const items = node.items;
      if (items === undefined) return;
      for (const [i, item] of value.entries()) visit(items, item, `${path}[${i}]`);
    } else if (isJsonObject(value)) {
      for (const name in value) {
        const field = path === "" ? name : `${path}.${name}`;
        const child = embeddedField(node, name) ?? fieldSchema(node, name);
        if (child !== undefined) visit(child, value[name], field);
        else if (node.type === "object" && errors.length < mostErrors)
          errors.push(`unknown field "${field}"`);
      }
    }
  };
  visit(schema, object, "");
  return errors;
}

/** An embedded object has apiVersion, kind and metadata even where its schema does not name them. */
function embeddedField(node: SchemaNode, name: string): SchemaNode | undefined {
  if (!node.embedded || !["apiVersion", "kind", "metadata"].includes(name)) return undefined;
  return node.properties.get(name) ?? { ...node, properties: new Map(), keepsUnknown: true, embedded: false };
}

/**
 * The fields that stand more than once in an object of a JSON text, in Kubernetes' words: `duplicate field
 * "metadata.name"`. Looks at the text, since a parsed value has lost them. Text that is no JSON has none:
 * the parser says what is wrong with it.
 */
export function duplicateFieldErrors(text: string): string[] {
  const errors = new Set<string>();
  const scanner = { text, at: 0 };
  try {
    scanValue(scanner, "", errors, 0);
  } catch (reason) {
    if (!(reason instanceof SyntaxError)) throw reason;
    return [];
  }
  return [...errors].slice(0, mostErrors);
}

interface Scanner {
  readonly text: string;
  at: number;
}

const deepest = 1000;
const stringPattern = /"(?:[^"\\]|\\.)*"/suy;
const scalarPattern = /[^\s,\]}]+/uy;
const spacePattern = /\s*/uy;

function scanValue(scanner: Scanner, path: string, errors: Set<string>, depth: number): void {
  if (depth > deepest) throw new SyntaxError("too deep");
  skipSpace(scanner);
  const open = scanner.text[scanner.at];
  if (open === "{") {
    const seen = new Set<string>();
    scanItems(scanner, "}", () => {
      const name = String(JSON.parse(take(scanner, stringPattern)));
      const field = path === "" ? name : `${path}.${name}`;
      if (seen.has(name)) errors.add(`duplicate field "${field}"`);
      seen.add(name);
      skipSpace(scanner);
      expect(scanner, ":");
      scanValue(scanner, field, errors, depth + 1);
    });
  } else if (open === "[") {
    let index = 0;
    scanItems(scanner, "]", () => scanValue(scanner, `${path}[${index++}]`, errors, depth + 1));
  } else if (open === '"') take(scanner, stringPattern);
  else take(scanner, scalarPattern);
}

function scanItems(scanner: Scanner, close: "}" | "]", item: () => void): void {
  scanner.at++;
  skipSpace(scanner);
  if (scanner.text[scanner.at] === close) {
    scanner.at++;
    return;
  }
  for (;;) {
    skipSpace(scanner);
    item();
    skipSpace(scanner);
    if (scanner.text[scanner.at] === close) {
      scanner.at++;
      return;
    }
    expect(scanner, ",");
  }
}

function skipSpace(scanner: Scanner): void {
  take(scanner, spacePattern);
}

function expect(scanner: Scanner, char: string): void {
  if (scanner.text[scanner.at] !== char) throw new SyntaxError(`expected ${char}`);
  scanner.at++;
}

function take(scanner: Scanner, pattern: RegExp): string {
  pattern.lastIndex = scanner.at;
  const match = pattern.exec(scanner.text);
  if (match === null) throw new SyntaxError("unexpected character");
  scanner.at = pattern.lastIndex;
  return match[0];
}
