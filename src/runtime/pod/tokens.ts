import type { Clock } from "../../base/index.ts";
import { type AccountToken, type KubeClient, type Pod, requestToken } from "../../kube/index.ts";

/** Gets tokens of one pod's service account. An answer is used again until four fifths of its life are over. */
export interface PodTokens {
  /** `audience` "" asks for the API server's own. `lifetime` in seconds. */
  token(audience: string, lifetime?: number): Promise<AccountToken>;
}

/** An hour and a bit, as kubelets ask for: the API server takes the odd number as a sign of a mounted token. */
const defaultLifetime = 3607;

export function createPodTokens(client: KubeClient, pod: Pod, clock: Clock): PodTokens {
  const { name, namespace, uid } = pod.metadata;
  const account = pod.spec.serviceAccountName ?? "default";
  const cache = new Map<string, { readonly token: Promise<AccountToken>; readonly until: Promise<number> }>();
  const request = (audience: string, lifetime: number): Promise<AccountToken> =>
    requestToken(
      client,
      { namespace: namespace ?? "default", name: account },
      {
        ...(audience === "" ? {} : { audiences: [audience] }),
        expirationSeconds: lifetime,
        boundObjectRef: { apiVersion: "v1", kind: "Pod", name, ...(uid === undefined ? {} : { uid }) },
      },
    );
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
