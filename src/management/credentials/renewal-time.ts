import { kubeconfigToken, tokenLife } from "../../kube/index.ts";

/**
 * When the token in the kubeconfig of a remote secret is to be replaced, in milliseconds since 1970, so that tokens live
 * `lifetime` seconds: when half of its life is over, which leaves the other half to whoever was kept from it. At once (0) when it
 * has no end or lives longer than it should. Undefined for what is no kubeconfig with a token: it is somebody else's.
 */
export function renewalTime(kubeconfig: string, lifetime: number): number | undefined {
  const token = kubeconfigToken(kubeconfig);
  if (token === undefined) return undefined;
  const life = tokenLife(token);
  if (life === undefined) return 0;
  const { issuedAt, expiresAt } = life;
  if (expiresAt - issuedAt > lifetime * 1000 * tolerance) return 0;
  return (issuedAt + expiresAt) / 2;
}

/** API servers may add a little to what is asked for. */
const tolerance = 1.1;
