import { nearestName } from "../../base/index.ts";
import { describeNode, type Located, plainValue } from "../yaml/located.ts";
import { fieldName, type JsonSchema, type Path, type Problems, type Reader } from "./reader.ts";

/** What a text has to look like. */
export interface TextRule {
  readonly pattern: RegExp;
  readonly code: `mesh/${string}`;
  /** Completes "... can't be ": "a cluster name". */
  readonly what: string;
  /** What is allowed, as a way out. */
  readonly hint: string;
  /** A text near to the wrong one that is allowed, when there is one. */
  suggest?(wrong: string): string | undefined;
}

/** Text, with a rule or free. A number or yes/no that YAML made of unquoted text is refused, since it may have lost something. */
export function text(rule?: TextRule): Reader<string> {
  return {
    schema: { type: "string", ...(rule === undefined ? {} : { pattern: rule.pattern.source }) },
    read(node, path, problems) {
      if (node.kind !== "scalar" || typeof node.value !== "string") {
        const quoted = node.kind === "scalar" && node.value !== null ? `write "${node.written}"` : undefined;
        wrongType(node, path, problems, "text", quoted);
        return undefined;
      }
      return rule === undefined || followsRule(node.value, rule, node, path, problems)
        ? node.value
        : undefined;
    },
  };
}

/** Text that `rule` allows, whatever else it is; used for keys too. */
export function followsRule(
  value: string,
  rule: TextRule,
  node: Pick<Located, "place">,
  path: Path,
  problems: Problems,
): boolean {
  if (rule.pattern.test(value)) return true;
  const better = rule.suggest?.(value);
  const hint = better === undefined ? rule.hint : `${rule.hint}, for example "${better}"`;
  problems.add(rule.code, path, node.place, `"${value}" can't be ${rule.what}`, hint);
  return false;
}

/** A version. As a number it is refused: YAML reads 1.30 as 1.3. */
export function version(): Reader<string> {
  const pattern = /^v?\d+\.\d+(\.\d+)?([-+.][0-9A-Za-z.-]+)?$/;
  return {
    schema: { type: "string", pattern: pattern.source },
    read(node, path, problems) {
      if (node.kind === "scalar" && typeof node.value === "number") {
        const message = `YAML reads this as the number ${node.value}`;
        problems.add("mesh/version-not-text", path, node.place, message, `write "${node.written}"`);
        return undefined;
      }
      const rule = {
        pattern,
        code: "mesh/bad-value",
        what: "a version",
        hint: 'write it like "1.31.1"',
      } as const;
      return text(rule).read(node, path, problems);
    },
  };
}

/** A whole number from `min` to `max`, both included. */
export function integer(min: number, max: number, what: string): Reader<number> {
  return {
    schema: { type: "integer", minimum: min, maximum: max },
    read(node, path, problems) {
      if (node.kind !== "scalar" || typeof node.value !== "number") {
        const digits = node.kind === "scalar" && typeof node.value === "string" && /^\d+$/.test(node.value);
        wrongType(node, path, problems, "a number", digits ? "leave the quotes out" : undefined);
        return undefined;
      }
      if (Number.isInteger(node.value) && node.value >= min && node.value <= max) return node.value;
      problems.add(
        "mesh/bad-value",
        path,
        node.place,
        `${node.written} can't be ${what}`,
        `use ${min} to ${max}`,
      );
      return undefined;
    },
  };
}

/** A TCP port. */
export function port(): Reader<number> {
  return integer(1, 65_535, "a port");
}

/** true or false. */
export function flag(): Reader<boolean> {
  return {
    schema: { type: "boolean" },
    read(node, path, problems) {
      if (node.kind === "scalar" && typeof node.value === "boolean") return node.value;
      const word = node.kind === "scalar" ? String(node.value).toLowerCase() : "";
      const meant = ["yes", "on"].includes(word)
        ? "write true"
        : ["no", "off"].includes(word)
          ? "write false"
          : undefined;
      wrongType(node, path, problems, "true or false", meant);
      return undefined;
    },
  };
}

/** One of a few words. */
export function oneOf<const T extends string>(...words: readonly T[]): Reader<T> {
  return {
    schema: { enum: words },
    read(node, path, problems) {
      const found = words.find((word) => node.kind === "scalar" && node.value === word);
      if (found !== undefined) return found;
      const written = node.kind === "scalar" ? node.written : undefined;
      const near = written === undefined ? undefined : nearestName(written, words);
      const message = `${fieldName(path)} can't be ${written === undefined ? describeNode(node) : `"${written}"`}`;
      const hint = near === undefined ? `use ${orList(words)}` : `did you mean "${near}"?`;
      problems.add("mesh/bad-value", path, node.place, message, hint);
      return undefined;
    },
  };
}

/** "a, b or c". */
function orList(words: readonly string[]): string {
  return words.length < 2 ? words.join() : `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
}

/** Kubernetes' quantity, at least 0: 20, 500m, 20Gi. A number stands for itself. */
export function quantity(): Reader<string> {
  const pattern = /^\+?(\d+|\d+\.\d*|\.\d+)([numkMGTPE]|[KMGTPE]i|[eE][+-]?\d+)?$/;
  return {
    schema: { type: ["string", "integer"] },
    read(node, path, problems) {
      if (node.kind === "scalar" && (typeof node.value === "string" || typeof node.value === "number")) {
        const written = String(typeof node.value === "number" ? node.written : node.value);
        if (pattern.test(written)) return written;
        const hint = "write it as Kubernetes does: 2, 500m, 20Gi";
        problems.add("mesh/bad-quantity", path, node.place, `"${written}" can't be a quantity`, hint);
        return undefined;
      }
      wrongType(node, path, problems, "a quantity", "for example 2, 500m or 20Gi");
      return undefined;
    },
  };
}

/** A map that is passed on as it is. */
export function freeMap(): Reader<Readonly<Record<string, unknown>>> {
  return {
    schema: { type: "object" },
    read(node, path, problems) {
      if (node.kind === "map") return plainValue(node) as Record<string, unknown>;
      if (node.kind === "scalar" && node.value === null) return {};
      wrongType(node, path, problems, "a map");
      return undefined;
    },
  };
}

/** A list; wrong items are reported one by one and left out. */
export function listOf<T>(item: Reader<T>): Reader<readonly T[]> {
  return {
    schema: { type: "array", items: item.schema },
    read(node, path, problems) {
      if (node.kind === "scalar" && node.value === null) return [];
      if (node.kind !== "list") {
        const single = node.kind === "scalar" ? `write [${node.written}]` : undefined;
        wrongType(node, path, problems, "a list", single);
        return undefined;
      }
      return node.items.flatMap((one, index) => {
        const value = item.read(one, [...path, index], problems);
        return value === undefined ? [] : [value];
      });
    },
  };
}

/** A map with names of the user's own; wrong entries are reported one by one and left out. */
export function mapOf<T>(value: Reader<T>, names?: TextRule): Reader<ReadonlyMap<string, T>> {
  return {
    schema: {
      type: "object",
      additionalProperties: value.schema,
      ...(names === undefined ? {} : { propertyNames: { pattern: names.pattern.source } }),
    },
    read(node, path, problems) {
      if (node.kind === "scalar" && node.value === null) return new Map();
      if (node.kind !== "map") {
        const hint = node.kind === "list" ? "give each a name and a colon instead of a dash" : undefined;
        wrongType(node, path, problems, "a map", hint);
        return undefined;
      }
      const read = new Map<string, T>();
      for (const [name, entry] of node.entries) {
        const at = [...path, name];
        if (names !== undefined) followsRule(name, names, { place: entry.key }, at, problems);
        const one = value.read(entry.value, at, problems);
        if (one !== undefined) read.set(name, one);
      }
      return read;
    },
  };
}

/** A value that may be written in several ways; the reader is chosen by what is written, so that its mistakes are told in its own terms. */
export function eitherOf<T>(ways: {
  readonly scalar?: Reader<T>;
  readonly list?: Reader<T>;
  readonly map?: Reader<T>;
  /** Completes "... must be ". */
  readonly what: string;
}): Reader<T> {
  const schemas: readonly JsonSchema[] = [ways.scalar, ways.list, ways.map].flatMap((way) =>
    way === undefined ? [] : [way.schema],
  );
  return {
    schema: { anyOf: schemas },
    read(node, path, problems) {
      const way = ways[node.kind];
      if (way !== undefined) return way.read(node, path, problems);
      wrongType(node, path, problems, ways.what);
      return undefined;
    },
  };
}

/** The same text in the file, another value after it. */
export function mapped<T, U>(reader: Reader<T>, change: (value: T) => U): Reader<U> {
  return {
    schema: reader.schema,
    read(node, path, problems) {
      const value = reader.read(node, path, problems);
      return value === undefined ? undefined : change(value);
    },
  };
}

/** Says that a value has the wrong type. */
export function wrongType(
  node: Located,
  path: Path,
  problems: Problems,
  wanted: string,
  hint?: string,
): void {
  problems.add(
    "mesh/wrong-type",
    path,
    node.place,
    `${fieldName(path)} must be ${wanted}, not ${describeNode(node)}`,
    hint,
  );
}
