import type { Clock } from "../../base/index.ts";
import type { KubeClient, Pod } from "../../kube/index.ts";

/** A bound service account token; `expiresAt` in milliseconds since 1970. */
export interface BoundToken {
  readonly token: string;
  readonly expiresAt: number;
}

/** Gets tokens of one pod's service account. An answer is used again until four fifths of its life are over. */
export interface PodTokens {
  /** `audience` "" asks for the API server's own. `lifetime` in seconds. */
  token(audience: string, lifetime?: number): Promise<BoundToken>;
}

/** An hour and a bit, as kubelets ask for: the API server takes the odd number as a sign of a mounted token. */
const defaultLifetime = 3607;

export function createPodTokens(client: KubeClient, pod: Pod, clock: Clock): PodTokens {
  const { name, namespace, uid } = pod.metadata;
  const account = pod.spec.serviceAccountName ?? "default";
  const cache = new Map<string, { readonly token: Promise<BoundToken>; readonly until: Promise<number> }>();
  const request = async (audience: string, lifetime: number): Promise<BoundToken> => {
    const answer = await client.post(`/api/v1/namespaces/${namespace}/serviceaccounts/${account}/token`, {
      apiVersion: "authentication.k8s.io/v1",
      kind: "TokenRequest",
      metadata: {},
      spec: {
        ...(audience === "" ? {} : { audiences: [audience] }),
        expirationSeconds: lifetime,
        boundObjectRef: { apiVersion: "v1", kind: "Pod", name, ...(uid === undefined ? {} : { uid }) },
      },
    });
    const { token, expirationTimestamp } = tokenStatus(answer);
    return { token, expiresAt: Date.parse(expirationTimestamp) };
  };
  return {
    async token(audience, lifetime = defaultLifetime) {
      const id = `${lifetime} ${audience}`;
      const known = cache.get(id);
      if (known !== undefined && (await known.until) > clock.now()) return known.token;
      const asked = clock.now();
      const token = request(audience, lifetime);
      const until = token.then(
        ({ expiresAt }) => asked + 0.8 * (expiresAt - asked),
        () => 0,
      );
      cache.set(id, { token, until });
      return token;
    },
  };
}

function tokenStatus(answer: unknown): { readonly token: string; readonly expirationTimestamp: string } {
  const status = (answer as { status?: { token?: unknown; expirationTimestamp?: unknown } } | undefined)
    ?.status;
  const { token, expirationTimestamp } = status ?? {};
  if (typeof token === "string" && typeof expirationTimestamp === "string")
    return { token, expirationTimestamp };
  throw new Error("the API server answered a TokenRequest without a token");
}
