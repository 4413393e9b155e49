import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import type { RequestHead } from "../../http/codec.ts";
import { dropHeader, setHeader } from "../../http/headers.ts";
import type { KeySet } from "./jwks.ts";
import { failures, type JwtFailure, parseToken, type Token } from "./token.ts";
import type { TokenPlace } from "./token-places.ts";

/** One issuer and what becomes of its tokens. */
export interface Provider {
  readonly name: string;
  /** "" takes tokens of any issuer. */
  readonly issuer: string;
  readonly audiences: readonly string[];
  readonly keys: KeySet;
  readonly places: readonly TokenPlace[];
  readonly forwards: boolean;
  readonly payloadHeader: string;
  readonly padsPayload: boolean;
  /** Claims that go into headers, by header name. */
  readonly claimHeaders: readonly (readonly [string, string])[];
  /** Keys of the filter's metadata under which payload and header of the token are found; "" for neither. */
  readonly payloadKey: string;
  readonly headerKey: string;
  /** Claims that are lists written with blanks. */
  readonly listClaims: readonly string[];
  /** Seconds. */
  readonly clockSkew: number;
}

export type Metadata = Record<string, JsonObject>;

interface Found {
  readonly text: string;
  readonly place: TokenPlace;
}

/**
 * Looks for a token of `providers` (those that a requirement names), and verifies it. Undefined: one is good, and what
 * it says was put into `head` and `metadata`.
 */
export function verifyRequest(
  head: RequestHead,
  providers: readonly Provider[],
  audiences: readonly string[] | undefined,
  now: number,
  metadata: Metadata,
): JwtFailure | undefined {
  const places = new Map(
    providers.flatMap(({ places }) => places.map((place) => [place.key, place] as const)),
  );
  const found: Found[] = [...places.values()].flatMap((place) => {
    const text = place.find(head);
    return text === undefined ? [] : [{ text, place }];
  });
  let failure: JwtFailure = failures.missing;
  for (const one of found) {
    const token = parseToken(one.text);
    if (typeof token === "string") {
      failure = token;
      continue;
    }
    const provider = providers.find(
      ({ issuer, places: own }) =>
        (issuer === "" || issuer === token.issuer) && own.some(({ key }) => key === one.place.key),
    );
    const problem = provider === undefined ? failures.issuer : checkToken(token, provider, audiences, now);
    if (problem === undefined && provider !== undefined) {
      passOn(head, token, provider, one.place, metadata);
      return undefined;
    }
    if (problem !== undefined) failure = problem;
  }
  return failure;
}

function checkToken(
  token: Token,
  provider: Provider,
  audiences: readonly string[] | undefined,
  now: number,
): JwtFailure | undefined {
  const { exp, nbf } = token.payload;
  const seconds = Math.floor(now / 1000);
  if (typeof nbf === "number" && seconds + provider.clockSkew < nbf) return failures.early;
  if (typeof exp === "number" && seconds > exp + provider.clockSkew) return failures.expired;
  const wanted = audiences ?? provider.audiences;
  if (wanted.length > 0 && !token.audiences.some((audience) => isOneOf(audience, wanted))) {
    return failures.audience;
  }
  switch (provider.keys.verify(token)) {
    case "good":
      return undefined;
    case "bad":
      return failures.signature;
    case "unmatched":
      return failures.noKey;
  }
}

/** A scheme and a slash at the end make no other audience. */
function isOneOf(audience: string, wanted: readonly string[]): boolean {
  const plain = (text: string) => text.replace(/^https?:\/\//, "").replace(/\/$/, "");
  return wanted.some((one) => plain(one) === plain(audience));
}

function passOn(
  head: RequestHead,
  token: Token,
  provider: Provider,
  place: TokenPlace,
  metadata: Metadata,
): void {
  const { headers } = head;
  if (provider.payloadHeader !== "") {
    const missing = provider.padsPayload ? (4 - (token.encodedPayload.length % 4)) % 4 : 0;
    setHeader(headers, provider.payloadHeader, token.encodedPayload + "=".repeat(missing));
  }
  for (const [name, claim] of provider.claimHeaders) {
    const text = claimText(claimOf(token.payload, claim));
    if (text !== undefined) setHeader(headers, name, text);
  }
  if (!provider.forwards) place.remove(head);
  if (provider.payloadKey !== "") {
    const payload: JsonObject = { ...token.payload };
    for (const name of provider.listClaims) {
      const value = payload[name];
      if (typeof value === "string") payload[name] = value.split(" ");
    }
    metadata[provider.payloadKey] = payload;
  }
  if (provider.headerKey !== "") metadata[provider.headerKey] = token.header;
}

/** A claim by its name, whose parts are separated by dots. */
function claimOf(payload: JsonObject, name: string): JsonValue | undefined {
  let value: JsonValue | undefined = payload;
  for (const part of name.split(".")) {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
    value = value[part];
  }
  return value;
}

/** A claim as a header holds it: lists and objects in base64, which can hold no line ends. */
function claimText(value: JsonValue | undefined): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === "object") return Buffer.from(JSON.stringify(value)).toString("base64");
  const text = String(value);
  return /[\r\n\0]/.test(text) ? undefined : Buffer.from(text, "utf8").toString("latin1");
}

/** Takes out headers by which a client could pretend that a token said something. */
export function sanitize(head: RequestHead, providers: readonly Provider[]): void {
  for (const { payloadHeader, claimHeaders } of providers) {
    if (payloadHeader !== "") dropHeader(head.headers, payloadHeader);
    for (const [name] of claimHeaders) dropHeader(head.headers, name);
  }
}
