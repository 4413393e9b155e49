import type { Message } from "@bufbuild/protobuf";
import { encodeDelta, encodeResponse } from "./encode.ts";
import { isWildcardType, type Update, updateFor, type Watch } from "./watch.ts";

/** A response as it goes over the wire. */
export interface ResponseBytes {
  readonly message: Uint8Array;
  readonly nonce: string;
}

let lastNonce = 0;
const noncePrefix = Math.random().toString(36).slice(2, 8);

/** A nonce that no response has had. */
export function newNonce(): string {
  return `${noncePrefix}-${++lastNonce}`;
}

/** Responses made for the last few pushes: streams that are sent the same share the bytes. Oldest first. */
const shared = new Map<string, ResponseBytes>();
let sharedBytes = 0;
const mostSharedBytes = 32 * 1024 * 1024;

/** The response that brings a stream up to `all` by `update`. Streams that are sent the same get the same bytes. */
export function responseBytes(
  watch: Watch,
  update: Update,
  protocol: "delta" | "state-of-the-world",
  all: ReadonlyMap<string, Message>,
): ResponseBytes {
  const { typeUrl } = watch;
  const isWhole = protocol !== "delta" && isWildcardType(typeUrl);
  const resources = isWhole
    ? (updateFor({ ...watch, sent: undefined, known: new Map(), forced: new Set() }, all)?.resources ?? [])
    : update.resources;
  const removed = protocol === "delta" ? update.removed : [];
  let key = `${protocol} ${typeUrl}`;
  for (const { name, resource } of resources) key += `\n${name}=${resource.version}`;
  for (const name of removed) key += `\n-${name}`;
  const known = shared.get(key);
  if (known !== undefined) return known;
  const nonce = newNonce();
  const version = String(lastNonce);
  const message =
    protocol === "delta"
      ? encodeDelta(typeUrl, resources, removed, version, nonce)
      : encodeResponse(typeUrl, resources, version, nonce);
  const made = { message, nonce };
  shared.set(key, made);
  sharedBytes += message.length;
  for (const [oldest, { message: bytes }] of shared) {
    if (sharedBytes <= mostSharedBytes || oldest === key) break;
    shared.delete(oldest);
    sharedBytes -= bytes.length;
  }
  return made;
}
