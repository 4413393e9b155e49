import type { Clock, Logger } from "../base/index.ts";
import type { KubeClient } from "../kube/index.ts";

export interface ControllerOptions {
  readonly cluster: string;
  /** As a user that may do everything (system:masters). */
  readonly client: KubeClient;
  /** PEM of the API server's CA, for the kube-root-ca.crt ConfigMaps. */
  readonly apiCa: string;
  /** Addresses for Services of type LoadBalancer, in order of preference. */
  readonly loadBalancerAddresses: readonly string[];
  readonly clock: Clock;
  readonly log: Logger;
}
