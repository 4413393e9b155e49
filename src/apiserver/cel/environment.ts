import { isIP } from "node:net";
import { Environment } from "@marcbachmann/cel-js";
import {
  addQuantities,
  compareQuantities,
  parseQuantity,
  type Quantity,
  quantityValue,
  subtractQuantities,
} from "../../kube/index.ts";
import type { CelProgram } from "./cel.ts";

/**
 * A compiler for CEL with the functions that Kubernetes adds to the language: urls, quantities, addresses, lists
 * and regular expressions. Variables are not declared, since rules and match conditions have different ones.
 */
export function createCompiler(): (expression: string) => CelProgram {
  const environment = new Environment({
    unlistedVariablesAreDyn: true,
    enableOptionalTypes: true,
    homogeneousAggregateLiterals: false,
    // A definition is written by whoever may write definitions; its expressions are bounded all the same.
    limits: { maxAstNodes: 10_000, maxDepth: 100 },
  });
  addUrls(environment);
  addQuantityFunctions(environment);
  addAddresses(environment);
  addLists(environment);
  addTexts(environment);
  return (expression) => {
    const parsed = environment.parse(expression);
    const checked = parsed.check();
    if (!checked.valid) throw checked.error ?? new Error(`cannot be compiled: ${expression}`);
    return (variables) => parsed({ ...variables });
  };
}

// The evaluator tells its types apart by their constructors, hence the three classes in this file.
class CelUrl {
  readonly url: URL;
  constructor(url: URL) {
    this.url = url;
  }
}

/** As Go's url.ParseRequestURI: an absolute URL or an absolute path. */
function readUrl(text: string): CelUrl | undefined {
  const isPath = text.startsWith("/");
  if (!isPath && !/^[a-zA-Z][a-zA-Z0-9+.-]*:/.test(text)) return undefined;
  try {
    return new CelUrl(isPath ? new URL(text, "path://") : new URL(text));
  } catch {
    return undefined;
  }
}

function addUrls(environment: Environment): void {
  const type = "kubernetes.URL";
  environment
    .registerType(type, { ctor: CelUrl, fields: {} })
    .registerFunction("isURL(string): bool", (text: string) => readUrl(text) !== undefined)
    .registerFunction(`url(string): ${type}`, (text: string) => {
      const url = readUrl(text);
      if (url === undefined) throw new Error(`URL parse error during conversion from string: ${text}`);
      return url;
    })
    .registerFunction(`${type}.getScheme(): string`, ({ url }: CelUrl) =>
      url.protocol === "path:" ? "" : url.protocol.slice(0, -1),
    )
    .registerFunction(`${type}.getHost(): string`, ({ url }: CelUrl) => url.host)
    .registerFunction(`${type}.getHostname(): string`, ({ url }: CelUrl) =>
      url.hostname.replace(/^\[|\]$/g, ""),
    )
    .registerFunction(`${type}.getPort(): string`, ({ url }: CelUrl) => url.port)
    .registerFunction(`${type}.getEscapedPath(): string`, ({ url }: CelUrl) => url.pathname);
}

class CelQuantity {
  readonly quantity: Quantity;
  constructor(quantity: Quantity) {
    this.quantity = quantity;
  }
}

function addQuantityFunctions(environment: Environment): void {
  const type = "kubernetes.Quantity";
  const compare = (a: CelQuantity, b: CelQuantity) => compareQuantities(a.quantity, b.quantity);
  environment
    .registerType(type, { ctor: CelQuantity, fields: {} })
    .registerFunction("isQuantity(string): bool", (text: string) => parseQuantity(text) !== undefined)
    .registerFunction(`quantity(string): ${type}`, (text: string) => {
      const quantity = parseQuantity(text);
      if (quantity === undefined) throw new Error(`quantity parse error: ${text}`);
      return new CelQuantity(quantity);
    })
    .registerFunction(`${type}.compareTo(${type}): int`, (a: CelQuantity, b: CelQuantity) =>
      BigInt(Math.sign(compare(a, b))),
    )
    .registerFunction(
      `${type}.isGreaterThan(${type}): bool`,
      (a: CelQuantity, b: CelQuantity) => compare(a, b) > 0,
    )
    .registerFunction(
      `${type}.isLessThan(${type}): bool`,
      (a: CelQuantity, b: CelQuantity) => compare(a, b) < 0,
    )
    .registerFunction(
      `${type}.add(${type}): ${type}`,
      (a: CelQuantity, b: CelQuantity) => new CelQuantity(addQuantities(a.quantity, b.quantity)),
    )
    .registerFunction(
      `${type}.sub(${type}): ${type}`,
      (a: CelQuantity, b: CelQuantity) => new CelQuantity(subtractQuantities(a.quantity, b.quantity)),
    )
    .registerFunction(`${type}.sign(): int`, ({ quantity: { unscaled } }: CelQuantity) =>
      unscaled === 0n ? 0n : unscaled < 0n ? -1n : 1n,
    )
    .registerFunction(`${type}.asInteger(): int`, ({ quantity }: CelQuantity) =>
      BigInt(quantityValue(quantity)),
    )
    .registerFunction(
      `${type}.asApproximateFloat(): double`,
      ({ quantity }: CelQuantity) => Number(quantity.unscaled) / 10 ** quantity.scale,
    );
}

class CelIp {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

function isCidr(text: string): boolean {
  const [address = "", bits = "", ...rest] = text.split("/");
  const family = isIP(address);
  return (
    family !== 0 && rest.length === 0 && /^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128)
  );
}

function addAddresses(environment: Environment): void {
  const type = "net.IP";
  environment
    .registerType(type, { ctor: CelIp, fields: {} })
    .registerFunction("isIP(string): bool", (text: string) => isIP(text) !== 0)
    .registerFunction(`ip(string): ${type}`, (text: string) => {
      if (isIP(text) === 0)
        throw new Error(`IP Address ${JSON.stringify(text)} parse error during conversion from string`);
      return new CelIp(text);
    })
    .registerFunction(`${type}.family(): int`, ({ text }: CelIp) => BigInt(isIP(text)))
    .registerFunction("isCIDR(string): bool", isCidr);
}

/** The order of CEL's values of one type. Throws for values that have none. */
function order(a: unknown, b: unknown): number {
  if (typeof a === typeof b && ["bigint", "number", "string", "boolean"].includes(typeof a)) {
    const [left, right] = [a as string, b as string];
    return left < right ? -1 : left > right ? 1 : 0;
  }
  throw new Error("no such overload: values that cannot be compared");
}

function extreme(list: readonly unknown[], name: string, sign: 1 | -1): unknown {
  if (list.length === 0) throw new Error(`${name} called on empty list`);
  return list.reduce((best, one) => (order(one, best) * sign > 0 ? one : best));
}

function addLists(environment: Environment): void {
  const position = (index: number) => BigInt(index);
  environment
    .registerFunction("list.isSorted(): bool", (list: readonly unknown[]) =>
      list.every((one, i) => i === 0 || order(list[i - 1], one) <= 0),
    )
    .registerFunction("list.sum(): dyn", (list: readonly unknown[]) =>
      list.every((one) => typeof one === "number")
        ? list.reduce<number>((sum, one) => sum + Number(one), 0)
        : list.reduce<bigint>((sum, one) => sum + BigInt(one as bigint), 0n),
    )
    .registerFunction("list.min(): dyn", (list: readonly unknown[]) => extreme(list, "min", -1))
    .registerFunction("list.max(): dyn", (list: readonly unknown[]) => extreme(list, "max", 1))
    .registerFunction("list.indexOf(dyn): int", (list: readonly unknown[], wanted: unknown) =>
      position(list.indexOf(wanted)),
    )
    .registerFunction("list.lastIndexOf(dyn): int", (list: readonly unknown[], wanted: unknown) =>
      position(list.lastIndexOf(wanted)),
    );
}

function addTexts(environment: Environment): void {
  environment
    .registerFunction(
      "string.find(string): string",
      (text: string, pattern: string) => new RegExp(pattern, "u").exec(text)?.[0] ?? "",
    )
    .registerFunction("string.findAll(string): list<string>", (text: string, pattern: string) =>
      [...text.matchAll(new RegExp(pattern, "gu"))].map(([match]) => match),
    )
    .registerFunction("string.replace(string, string): string", (text: string, from: string, to: string) =>
      text.replaceAll(from, () => to),
    )
    .registerFunction("string.charAt(int): string", (text: string, index: bigint) => {
      if (index < 0n || index > BigInt(text.length)) throw new Error(`index out of range: ${index}`);
      return text.charAt(Number(index));
    });
}
