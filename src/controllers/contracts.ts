import type { Clock, Logger } from "../base/index.ts";
import type { KubeClient } from "../kube/index.ts";

/** What the controllers of one cluster need to know. */
export interface ControllerOptions {
  readonly cluster: string;
  /** As a user that may do everything (system:masters). */
  readonly client: KubeClient;
  /** PEM of the API server's CA, for the kube-root-ca.crt ConfigMaps and service account token Secrets. */
  readonly apiCa: string;
  /** Addresses for Services of type LoadBalancer, in order of preference. */
  readonly loadBalancerAddresses: readonly string[];
  readonly serviceAccountToken: ServiceAccountTokenSource;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Signs the token that a Secret of type kubernetes.io/service-account-token carries: it does not expire, and
 * stops being valid with the service account or the Secret.
 */
export type ServiceAccountTokenSource = (
  serviceAccount: { readonly namespace: string; readonly name: string; readonly uid: string },
  secret: { readonly name: string; readonly uid: string },
) => string;
