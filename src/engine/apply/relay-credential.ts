import { accountToken, agentToken } from "../../apply/index.ts";
import { type Logger, waitFor } from "../../base/index.ts";
import { kinds, managementNamespace as namespace, startInformer } from "../../kube/index.ts";
import { relayPort, relaySecret, relayService } from "../../management/index.ts";
import type { Applying } from "./applying.ts";
import { type AddressOptions, addressOf } from "./service-address.ts";

/**
 * The files with which the agent of `cluster` calls the manager on `management`: its address, the CA of its certificate
 * and the agent's token. Waits for the manager's Service to have an address and for the manager to have a certificate:
 * an agent is never told half of it.
 */
export async function relayCredential(
  cluster: string,
  management: Applying,
  options: AddressOptions & { readonly log: Logger },
): Promise<Readonly<Record<"server" | "ca.crt" | "token", string>>> {
  const { client, inventory, name } = management;
  const { signal, log } = options;
  const reference = { cluster: name, namespace, service: relayService };
  const address = await addressOf(reference, cluster, options, "for its agent to call the manager");
  const token = await accountToken(client, {
    ...{ ...agentToken(cluster), signal, log },
    note: (made) => inventory.note([made]),
  });
  options.waiting(cluster, `the certificate of the manager in ${name}`);
  const stop = new AbortController();
  try {
    const certificates = startInformer(client, kinds.secrets, {
      namespace,
      fieldSelector: `metadata.name=${relaySecret}`,
      signal: AbortSignal.any([signal, stop.signal]),
      log,
    });
    const ca = await waitFor(() => certificates.get(relaySecret, namespace)?.data?.["ca.crt"], {
      signal,
      changes: certificates.changes,
    });
    const host = address.includes(":") ? `[${address}]` : address;
    return {
      server: `${host}:${relayPort}`,
      "ca.crt": Buffer.from(ca, "base64").toString("utf8"),
      token,
    };
  } finally {
    stop.abort();
    options.waiting(cluster, undefined);
  }
}
