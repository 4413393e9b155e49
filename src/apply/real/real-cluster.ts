import type { KubeClient } from "../../kube/index.ts";
import type { HelmTarget } from "../helm/helm-cli.ts";

/** A cluster that is known by a kubeconfig. */
export interface RealCluster {
  readonly name: string;
  readonly client: KubeClient;
  /** Address of its API from here. */
  readonly server: string;
  /** PEM of the API's CA; absent where the machine's own authorities count. */
  readonly ca: string | undefined;
  readonly helm: HelmTarget;
}
