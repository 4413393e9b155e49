import { waitFor } from "../../base/index.ts";
import { kinds, managementNamespace as namespace, startInformer } from "../../kube/index.ts";
import { managementPorts, relaySecret, relayService } from "../../management/index.ts";
import { accountToken, agentToken } from "../account-token.ts";
import type { WaitOptions } from "./apply-options.ts";
import type { Applying } from "./applying.ts";
import { fromOther } from "./from-other.ts";
import type { Others } from "./others.ts";
import { addressOf } from "./service-address.ts";

/**
 * The files with which the agent of `cluster` calls the manager on `management`: its address, the CA of its certificate
 * and the agent's token. Waits for the manager's Service to have an address and for the manager to have a certificate:
 * an agent is never told half of it.
 */
export async function relayCredential(
  cluster: string,
  management: Applying,
  others: Others,
  options: WaitOptions,
): Promise<Readonly<Record<"server" | "ca.crt" | "token", string>>> {
  const { client, inventory, name } = management;
  const { log } = options;
  const reference = { cluster: name, namespace, service: relayService };
  const address = await addressOf(reference, cluster, others, options, "for its agent to call the manager");
  const token = await fromOther(management, cluster, `its agent's token in ${name}`, options, (signal) =>
    accountToken(client, {
      ...{ ...agentToken(cluster), signal, log },
      note: (made) => inventory.note([made]),
    }),
  );
  const ca = await fromOther(
    management,
    cluster,
    `the certificate of the manager in ${name}`,
    options,
    async (signal) => {
      const stop = new AbortController();
      try {
        const certificates = startInformer(client, kinds.secrets, {
          namespace,
          fieldSelector: `metadata.name=${relaySecret}`,
          signal: AbortSignal.any([signal, stop.signal]),
          log,
        });
        return await waitFor(() => certificates.get(relaySecret, namespace)?.data?.["ca.crt"], {
          signal,
          changes: certificates.changes,
        });
      } finally {
        stop.abort();
      }
    },
  );
  const host = address.includes(":") ? `[${address}]` : address;
  return {
    server: `${host}:${managementPorts.relay}`,
    "ca.crt": Buffer.from(ca, "base64").toString("utf8"),
    token,
  };
}
