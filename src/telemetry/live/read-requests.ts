import { kinds, networkLabel, systemNamespace } from "../../kube/index.ts";
import { type PodLogsOptions, readPodLogs } from "../logs/pod-logs.ts";
import { accessEntry } from "./access-entry.ts";
import { joinRequests } from "./join-requests.ts";
import { isWantedRequest, type LiveFilter, type LiveRequest, liveRequest } from "./live-request.ts";
import { placesIn } from "./places.ts";

/** The requests that access logs tell of until now, each from its caller to its answer; the oldest first. */
export async function readRequests(
  options: PodLogsOptions,
  filter: LiveFilter,
): Promise<readonly LiveRequest[]> {
  const lines = await readPodLogs(options);
  const placed = await Promise.all(
    options.clusters.map(async ({ name, client }) => {
      try {
        const [pods, services, system] = await Promise.all([
          client.list(kinds.pods),
          client.list(kinds.services),
          client.get(kinds.namespaces, systemNamespace),
        ]);
        const network = system?.metadata.labels?.[networkLabel];
        return {
          name,
          ...(network === undefined ? {} : { network }),
          pods: pods.items,
          services: services.items,
        };
      } catch {
        // Reading its logs has told of it.
        return { name, pods: [], services: [] };
      }
    }),
  );
  const find = placesIn(placed);
  return joinRequests(lines.flatMap((line) => accessEntry(line) ?? []))
    .filter((request) => isWantedRequest(request, filter))
    .map((request) => liveRequest(request, find))
    .reverse();
}
