import { createHash } from "node:crypto";
import type { Clock, Logger } from "../../base/index.ts";
import { type KubeClient, kinds, resourcePath } from "../../kube/index.ts";
import { type GrpcCall, GrpcError, grpcStatus } from "../../xds/index.ts";

/** Who a caller was proved to be. */
export interface Caller {
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly trustDomain: string | undefined;
}

export interface Authenticator {
  /** Who calls, by bearer token or client certificate. Throws GrpcError (UNAUTHENTICATED) when nobody vouches for the caller. */
  authenticate(call: Pick<GrpcCall, "metadata" | "peerIdentities">): Promise<Caller>;
}

const mostCached = 10_000;
/** A token that was good a moment ago is good: pods start with several calls at once. */
const cacheMs = 60_000;

/**
 * Asks the API server of the caller's cluster (TokenReview) about bearer tokens, and believes client
 * certificates of the mesh, which the TLS layer has verified.
 */
export function createAuthenticator(options: {
  clientFor(clusterId: string): KubeClient | undefined;
  readonly ownClusterId: string;
  readonly clock: Clock;
  readonly log: Logger;
}): Authenticator {
  const { clock, log } = options;
  const cache = new Map<string, { readonly caller: Caller; readonly until: number }>();
  const running = new Map<string, Promise<Caller>>();

  const review = async (token: string, clusterId: string, key: string): Promise<Caller> => {
    const client = options.clientFor(clusterId);
    if (client === undefined) throw refused(`cluster "${clusterId.slice(0, 100)}" is not known`);
    const body = {
      apiVersion: "authentication.k8s.io/v1",
      kind: "TokenReview",
      metadata: { name: "" },
      spec: { token, audiences: ["istio-ca"] },
    };
    const answer = await client.post(resourcePath(kinds.tokenReviews), body).catch((reason: unknown) => {
      throw new GrpcError(
        grpcStatus.unavailable,
        `the API of cluster "${clusterId}" could not be asked: ${String(reason)}`,
      );
    });
    const caller = readReview(answer);
    if (caller === undefined) throw refused(`the token is not valid in cluster "${clusterId}"`);
    const until = Math.min(clock.now() + cacheMs, tokenExpiry(token));
    if (cache.size >= mostCached) cache.clear();
    cache.set(key, { caller, until });
    return caller;
  };

  const byToken = (token: string, clusterId: string): Promise<Caller> => {
    const key = createHash("sha256").update(clusterId).update("\n").update(token).digest("base64url");
    const known = cache.get(key);
    if (known !== undefined && known.until > clock.now()) return Promise.resolve(known.caller);
    let review_ = running.get(key);
    if (review_ === undefined) {
      review_ = review(token, clusterId, key).finally(() => running.delete(key));
      running.set(key, review_);
    }
    return review_;
  };

  return {
    async authenticate({ metadata, peerIdentities }) {
      const bearer = /^Bearer (.+)$/i.exec(metadata["authorization"] ?? "")?.[1];
      if (bearer !== undefined) {
        try {
          return await byToken(bearer, metadata["clusterid"] ?? options.ownClusterId);
        } catch (reason) {
          log.warn(
            {
              cluster: metadata["clusterid"],
              reason: reason instanceof Error ? reason.message : String(reason),
            },
            "a caller was refused",
          );
          if (reason instanceof GrpcError && reason.code !== grpcStatus.unauthenticated) throw reason;
          throw new GrpcError(grpcStatus.unauthenticated, "authentication failure");
        }
      }
      for (const uri of peerIdentities) {
        const caller = parseIdentity(uri);
        if (caller !== undefined) return caller;
      }
      throw new GrpcError(grpcStatus.unauthenticated, "authentication failure");
    },
  };
}

const refused = (message: string) => new GrpcError(grpcStatus.unauthenticated, message);

function readReview(answer: unknown): Caller | undefined {
  const status = (
    answer as {
      readonly status?: { readonly authenticated?: boolean; readonly user?: { readonly username?: string } };
    }
  ).status;
  if (status?.authenticated !== true) return undefined;
  const match = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(status.user?.username ?? "");
  if (match === null) return undefined;
  return { namespace: match[1] ?? "", serviceAccount: match[2] ?? "", trustDomain: undefined };
}

/** Expiry that a JWT claims, in milliseconds; the far future when it says nothing readable (the API server has judged it). */
function tokenExpiry(token: string): number {
  try {
    const claims: unknown = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString("utf8"));
    const { exp } = claims as { readonly exp?: unknown };
    return typeof exp === "number" ? exp * 1000 : Number.POSITIVE_INFINITY;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

/** "spiffe://trust.domain/ns/NAMESPACE/sa/ACCOUNT" taken apart; undefined for other URIs. */
export function parseIdentity(uri: string): (Caller & { readonly trustDomain: string }) | undefined {
  const match = /^spiffe:\/\/([^/]+)\/ns\/([^/]+)\/sa\/([^/]+)$/.exec(uri);
  return match === null
    ? undefined
    : { trustDomain: match[1] ?? "", namespace: match[2] ?? "", serviceAccount: match[3] ?? "" };
}
