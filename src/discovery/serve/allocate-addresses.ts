import type { Logger } from "../../base/index.ts";
import { isApiError, type KubeClient, kinds, startInformer } from "../../kube/index.ts";
import type { ServiceEntry } from "../translate/config-types.ts";
import { getsAddresses } from "../translate/services.ts";

/** Istio's ranges for hosts that have no address of their own: 240.240.0.0/16 and 2001:2::/48. */
const mostAddresses = 65_534;
const v4 = (number: number) => `240.240.${number >> 8}.${number & 255}`;
const v6 = (number: number) => `2001:2::${number.toString(16)}`;

/**
 * Gives every host of a ServiceEntry without addresses an IPv4 and an IPv6 address of its own and writes them
 * into the ServiceEntry's status, in the order in which the hosts are seen. An address that somebody writes into a
 * ServiceEntry is that one's: a host that had it gets another. Runs until `signal` aborts.
 */
export function allocateAddresses({
  client,
  signal,
  log,
}: {
  readonly client: KubeClient;
  readonly signal: AbortSignal;
  readonly log: Logger;
}): void {
  const numbers = new Map<string, number>();
  const used = new Set<number>();
  /** Numbers that are written into ServiceEntries, by "namespace/name". */
  const written = new Map<string, readonly number[]>();
  const informer = startInformer(client, kinds.serviceEntries, { signal, log });
  let queue = Promise.resolve();
  const isWritten = (number: number) => [...written.values()].some((numbers) => numbers.includes(number));
  /** Notes what an entry's author wrote, and gives hosts that had the same another address. */
  const noteWritten = (entry: ServiceEntry, isDeleted: boolean) => {
    const key = `${entry.metadata.namespace}/${entry.metadata.name}`;
    const own = isDeleted ? [] : (entry.spec.addresses ?? []).flatMap((address) => numberOf(address) ?? []);
    if (own.length === 0) {
      written.delete(key);
      return;
    }
    written.set(key, own);
    const lost = [...numbers].flatMap(([host, number]) => (own.includes(number) ? [host] : []));
    for (const host of lost) numbers.delete(host);
    for (const number of own) used.delete(number);
    if (lost.length === 0) return;
    for (const other of informer.list() as ServiceEntry[]) {
      if (hostsOf(other).some((host) => lost.includes(`${other.metadata.namespace}/${host}`)))
        queue = queue.then(() => reconcile(other));
    }
  };
  const keep = (entry: ServiceEntry) => {
    for (const { host, value } of entry.status?.addresses ?? []) {
      const number = numberOf(value ?? "");
      if (host === undefined || number === undefined || used.has(number) || isWritten(number)) continue;
      numbers.set(`${entry.metadata.namespace}/${host}`, number);
      used.add(number);
    }
  };
  const take = (key: string): number | undefined => {
    const known = numbers.get(key);
    if (known !== undefined) return known;
    for (let number = 1; number <= mostAddresses; number++) {
      if (used.has(number) || isWritten(number)) continue;
      used.add(number);
      numbers.set(key, number);
      return number;
    }
    return undefined;
  };
  const reconcile = async (entry: ServiceEntry) => {
    const { namespace = "", name } = entry.metadata;
    const wanted = getsAddresses(entry)
      ? hostsOf(entry).flatMap((host) => {
          const number = take(`${namespace}/${host}`);
          return number === undefined ? [] : [v4(number), v6(number)].map((value) => ({ value, host }));
        })
      : [];
    const present = entry.status?.addresses ?? [];
    if (JSON.stringify(wanted) === JSON.stringify(present.map(({ value, host }) => ({ value, host }))))
      return;
    if (wanted.length === 0 && present.length === 0) return;
    const patch = { status: { addresses: wanted } };
    try {
      await client.patch(kinds.serviceEntries, name, patch, {
        type: "merge",
        namespace,
        subresource: "status",
      });
    } catch (reason) {
      // Gone again, or changed meanwhile: the watch tells what it is now.
      if (isApiError(reason, 404) || isApiError(reason, 409) || signal.aborted) return;
      log.warn(
        { serviceEntry: `${namespace}/${name}`, reason: String(reason) },
        "allocated addresses could not be written",
      );
    }
  };
  informer.synced.then(
    () => {
      // Addresses that are given out already stay with their hosts, whoever comes first after a restart.
      for (const object of informer.list()) noteWritten(object as ServiceEntry, false);
      for (const object of informer.list()) keep(object as ServiceEntry);
      informer.subscribe(({ type, object }) => {
        const entry = object as ServiceEntry;
        noteWritten(entry, type === "deleted");
        if (type === "deleted") {
          for (const host of hostsOf(entry)) {
            const number = numbers.get(`${entry.metadata.namespace}/${host}`);
            numbers.delete(`${entry.metadata.namespace}/${host}`);
            if (number !== undefined) used.delete(number);
          }
          return;
        }
        queue = queue.then(() => reconcile(entry));
      });
    },
    () => {}, // Rejected only when the control plane stops.
  );
}

const hostsOf = (entry: ServiceEntry) =>
  [...new Set(entry.spec.hosts ?? [])].filter((host) => !host.startsWith("*"));

function numberOf(address: string): number | undefined {
  const match = /^240\.240\.(\d{1,3})\.(\d{1,3})(?:\/32)?$/.exec(address);
  return match === null ? undefined : Number(match[1]) * 256 + Number(match[2]);
}
