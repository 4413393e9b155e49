import type { KubeClient } from "./client.ts";
import { isJsonObject, type JsonObject } from "./patch/json-value.ts";

/** A service account's token; `expiresAt` in milliseconds since 1970. */
export interface AccountToken {
  readonly token: string;
  readonly expiresAt: number;
}

/** What is asked for: authentication.k8s.io/v1 TokenRequestSpec. */
export interface TokenRequestSpec {
  /** None: the API server's own. */
  readonly audiences?: readonly string[];
  /** At least 600; the API server may give less than is asked for. */
  readonly expirationSeconds: number;
  readonly boundObjectRef?: {
    readonly apiVersion: string;
    readonly kind: string;
    readonly name: string;
    readonly uid?: string;
  };
}

/** Asks the API server for a token of a service account that ends (TokenRequest). */
export async function requestToken(
  client: KubeClient,
  { namespace, name }: { readonly namespace: string; readonly name: string },
  spec: TokenRequestSpec,
): Promise<AccountToken> {
  const answer = await client.post(`/api/v1/namespaces/${namespace}/serviceaccounts/${name}/token`, {
    apiVersion: "authentication.k8s.io/v1",
    kind: "TokenRequest",
    metadata: {},
    spec,
  });
  const status = (answer as { readonly status?: JsonObject } | undefined)?.status;
  const { token, expirationTimestamp } = status ?? {};
  if (typeof token !== "string" || typeof expirationTimestamp !== "string")
    throw new Error("the API server answered a TokenRequest without a token");
  return { token, expiresAt: Date.parse(expirationTimestamp) };
}

/** When a token was issued and ends, in milliseconds since 1970. */
export interface TokenLife {
  readonly issuedAt: number;
  readonly expiresAt: number;
}

/**
 * The life of a token as its claims say (RFC 7519 iat and exp); nothing is verified. Undefined for a token without an end, and for
 * text that is no such token.
 */
export function tokenLife(token: string): TokenLife | undefined {
  const claims = claimsOf(token);
  const [issued, expires] = [claims?.["iat"], claims?.["exp"]];
  if (typeof expires !== "number") return undefined;
  return {
    issuedAt: (typeof issued === "number" ? issued : expires) * 1000,
    expiresAt: expires * 1000,
  };
}

function claimsOf(token: string): JsonObject | undefined {
  try {
    const claims: unknown = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString("utf8"));
    return isJsonObject(claims) ? claims : undefined;
  } catch {
    return undefined;
  }
}
