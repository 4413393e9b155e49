import type { JsonObject } from "@bufbuild/protobuf";
import { isKnownAlgorithm } from "./jwks.ts";

/** A JSON Web Token in its parts (RFC 7519, JWS compact form), not verified. */
export interface Token {
  readonly header: JsonObject;
  readonly payload: JsonObject;
  /** As it stands in the token. */
  readonly encodedPayload: string;
  readonly alg: string;
  readonly kid: string | undefined;
  readonly issuer: string;
  readonly audiences: readonly string[];
  readonly signed: string;
  readonly signature: Buffer;
}

/** Why a request's token was not taken, in Envoy's words: the answer's body. */
export type JwtFailure = (typeof failures)[keyof typeof failures];

export const failures = {
  missing: "Jwt is missing",
  format: "Jwt is not in the form of Header.Payload.Signature with two dots and 3 sections",
  headerBase64: "Jwt header is an invalid Base64url encoded",
  headerJson: "Jwt header is an invalid JSON",
  headerAlg: "Jwt header [alg] field is required and must be a string",
  unknownAlg: "Jwt header [alg] is not supported",
  payloadBase64: "Jwt payload is an invalid Base64url encoded",
  payloadJson: "Jwt payload is an invalid JSON",
  signatureBase64: "Jwt signature is an invalid Base64url encoded",
  issuer: "Jwt issuer is not configured",
  early: "Jwt not yet valid",
  expired: "Jwt is expired",
  audience: "Audiences in Jwt are not allowed",
  noKey: "Jwks doesn't have key to match kid or alg from Jwt",
  signature: "Jwt verification fails",
} as const;

/** Takes a token apart, or says why it is none. */
export function parseToken(text: string): Token | JwtFailure {
  const [encodedHeader, encodedPayload, encodedSignature, ...rest] = text.split(".");
  if (!encodedHeader || !encodedPayload || !encodedSignature || rest.length > 0) return failures.format;
  const headerText = decode(encodedHeader);
  if (headerText === undefined) return failures.headerBase64;
  const header = jsonObject(headerText);
  if (header === undefined) return failures.headerJson;
  const { alg, kid } = header;
  if (typeof alg !== "string") return failures.headerAlg;
  if (!isKnownAlgorithm(alg)) return failures.unknownAlg;
  const payloadText = decode(encodedPayload);
  if (payloadText === undefined) return failures.payloadBase64;
  const payload = jsonObject(payloadText);
  if (payload === undefined) return failures.payloadJson;
  const signature = decode(encodedSignature);
  if (signature === undefined) return failures.signatureBase64;
  const { iss, aud } = payload;
  return {
    header,
    payload,
    encodedPayload,
    alg,
    kid: typeof kid === "string" ? kid : undefined,
    issuer: typeof iss === "string" ? iss : "",
    audiences: [aud].flat().filter((one) => typeof one === "string"),
    signed: `${encodedHeader}.${encodedPayload}`,
    signature,
  };
}

/** Undefined: not base64url (RFC 4648 5) without padding. */
function decode(text: string): Buffer | undefined {
  return /^[A-Za-z0-9_-]*$/.test(text) && text.length % 4 !== 1 ? Buffer.from(text, "base64url") : undefined;
}

function jsonObject(bytes: Buffer): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(bytes.toString("utf8"));
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as JsonObject)
      : undefined;
  } catch {
    return undefined;
  }
}
