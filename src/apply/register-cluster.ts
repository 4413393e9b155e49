import { IsthmusError, type Logger } from "../base/index.ts";
import { agentIdentity, kubernetesCluster, relayCredentialName } from "../compile/index.ts";
import {
  generated,
  type KubeClient,
  type KubernetesCluster,
  kinds,
  managementNamespace as namespace,
  type Secret,
  type ServiceAccount,
} from "../kube/index.ts";
import { managementPorts, relaySecret, relayService } from "../management/index.ts";
import { accountToken, agentToken } from "./account-token.ts";

export interface RegisterOptions {
  /** The management cluster. */
  readonly client: KubeClient;
  readonly cluster: string;
  /** The cluster whose control plane serves it, where that is another one. */
  readonly primary?: string;
  /** HOST:PORT at which the cluster's agent reaches the manager. Default: the address of the manager's Service. */
  readonly server?: string;
  readonly signal: AbortSignal;
  readonly log: Logger;
}

/** Where the field of the mesh file would be noted. */
const from = "isthmus register";

/**
 * Registers a cluster on the management cluster, and gives the Secret for its agent: with what the agent calls the manager,
 * as an account that may do nothing else. Changes nothing where the cluster is registered already. Throws
 * gateway/no-address while the manager's Service has none, and workload/not-found while no manager has run yet.
 */
export async function registerCluster(options: RegisterOptions): Promise<Secret> {
  const { client, cluster, primary = cluster, signal, log } = options;
  const server = options.server ?? (await serviceAddress(client));
  const ca = (await client.get(kinds.secrets, relaySecret, namespace))?.data?.["ca.crt"];
  if (ca === undefined)
    throw new IsthmusError("workload/not-found", "no manager has run on the management cluster yet", {
      nextStep: `See whether the Deployment ${namespace}/${relayService} runs and what it logs.`,
    });
  const present = await client.get(kinds.kubernetesClusters, cluster, namespace);
  const registration = kubernetesCluster(cluster, primary) as KubernetesCluster;
  const { remoteCredentials } = present?.spec ?? {};
  const spec = { ...registration.spec, ...(remoteCredentials === undefined ? {} : { remoteCredentials }) };
  await client.apply(
    kinds.kubernetesClusters,
    generated({ ...registration, spec }, from) as KubernetesCluster,
  );
  await client.apply(kinds.serviceAccounts, generated(agentIdentity(cluster), from) as ServiceAccount);
  const token = await accountToken(client, { ...agentToken(cluster), signal, log });
  const base64 = (text: string) => Buffer.from(text).toString("base64");
  return {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: relayCredentialName, namespace },
    type: "Opaque",
    data: { "ca.crt": ca, server: base64(server), token: base64(token) },
  };
}

async function serviceAddress(client: KubeClient): Promise<string> {
  const service = await client.get(kinds.services, relayService, namespace);
  const [first] = service?.status?.loadBalancer?.ingress ?? [];
  const address = first?.ip ?? first?.hostname;
  if (address === undefined)
    throw new IsthmusError(
      "gateway/no-address",
      `the manager's Service ${namespace}/${relayService} has no address for agents to call`,
      {
        nextStep: "Wait until its load balancer has one, or say where it is reached with --server HOST:PORT.",
      },
    );
  return `${address.includes(":") ? `[${address}]` : address}:${managementPorts.relay}`;
}
