import { type BlockMoves, relocateText } from "./relocate-text.ts";

/**
 * A stored object in which every address of a moved block is that of the new one; the same object when there is
 * none. Names of fields count too, since managedFields names list items by their addresses, and of a Secret's data
 * what is text once decoded, such as a kubeconfig.
 */
export function relocateObject<T>(object: T, moves: BlockMoves): T {
  const moved = relocateValue(object, moves);
  return (isSecret(moved) ? relocateSecret(moved, moves) : moved) as T;
}

function relocateValue(value: unknown, moves: BlockMoves): unknown {
  if (typeof value === "string") return relocateText(value, moves);
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) {
    const items = value.map((item) => relocateValue(item, moves));
    return items.every((item, i) => item === value[i]) ? value : items;
  }
  const before = Object.entries(value);
  const after = before.map(
    ([name, item]) => [relocateText(name, moves), relocateValue(item, moves)] as const,
  );
  const isSame = after.every(([name, item], i) => name === before[i]?.[0] && item === before[i]?.[1]);
  return isSame ? value : Object.fromEntries(after);
}

interface StoredSecret {
  readonly kind: "Secret";
  readonly data: Readonly<Record<string, unknown>>;
}

function isSecret(value: unknown): value is StoredSecret {
  if (typeof value !== "object" || value === null) return false;
  const { kind, data } = value as { readonly kind?: unknown; readonly data?: unknown };
  return kind === "Secret" && typeof data === "object" && data !== null;
}

function relocateSecret(secret: StoredSecret, moves: BlockMoves): StoredSecret {
  const before = Object.entries(secret.data);
  const after = before.map(
    ([name, value]) => [name, typeof value === "string" ? relocateBase64(value, moves) : value] as const,
  );
  const isSame = after.every(([, value], i) => value === before[i]?.[1]);
  return isSame ? secret : { ...secret, data: Object.fromEntries(after) };
}

function relocateBase64(encoded: string, moves: BlockMoves): string {
  const bytes = Buffer.from(encoded, "base64");
  const text = bytes.toString("utf8");
  const moved = relocateText(text, moves);
  // Bytes that are no text would not survive the way there and back.
  return moved === text || !Buffer.from(text).equals(bytes) ? encoded : Buffer.from(moved).toString("base64");
}
