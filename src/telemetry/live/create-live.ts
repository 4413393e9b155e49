import type { Clock, Logger } from "../../base/index.ts";
import { type KubeClient, kinds, type Pod, type Service, startInformer } from "../../kube/index.ts";
import { followPodLogs } from "../logs/pod-logs.ts";
import { type AccessEntry, accessEntry } from "./access-entry.ts";
import { type JoinedRequest, joinRequests } from "./join-requests.ts";
import { isWantedRequest, type LiveFilter, type LiveRequest, liveRequest } from "./live-request.ts";
import { type FindPlace, placesIn } from "./places.ts";

export interface LiveOptions {
  readonly clusters: readonly {
    readonly name: string;
    readonly network?: string;
    readonly client: KubeClient;
  }[];
  readonly clock: Clock;
  readonly log: Logger;
}

/** The requests of the whole mesh as they come. Reads nothing while nobody asks. */
export interface Live {
  /** What is wanted of the last few thousand requests, newest first. The first call begins to read and gives what is there. */
  requests(filter?: LiveFilter): readonly LiveRequest[];
  /** Clusters that do not answer now. */
  readonly away: ReadonlySet<string>;
  /** False before proxies wrote anything: access logs may be off. */
  readonly hasEntries: boolean;
  stop(): void;
}

const mostEntries = 5000;
const defaultLimit = 100;
/** Lines of each proxy from before, so that there is something to see at once. */
const tailLines = 50;
/** Milliseconds after the last question until reading ends. */
const patience = 60_000;

export function createLive({ clusters, clock, log }: LiveOptions): Live {
  let entries: AccessEntry[] = [];
  const away = new Set<string>();
  let running: Following | undefined;
  let forgetSoon = () => {};
  let joined: readonly JoinedRequest[] | undefined;

  const begin = (): Following => {
    const abort = new AbortController();
    const { signal } = abort;
    const watched = clusters.map(({ name, network, client }) => ({
      name,
      ...(network === undefined ? {} : { network }),
      pods: startInformer<Pod>(client, kinds.pods, { signal, log }),
      services: startInformer<Service>(client, kinds.services, { signal, log }),
    }));
    for (const { name, pods } of watched)
      pods.changes.subscribe(() => {
        if (pods.failure === undefined) away.delete(name);
        else away.add(name);
      }, signal);
    void (async () => {
      const lines = followPodLogs({
        clusters,
        containersOf: ({ spec }) =>
          [...(spec.initContainers ?? []), ...spec.containers]
            .map(({ name }) => name)
            .filter((name) => name === "istio-proxy"),
        tailLines,
        clock,
        log,
        signal,
        away: (cluster) => away.add(cluster),
      });
      for await (const line of lines) {
        const entry = accessEntry(line);
        if (entry === undefined) continue;
        entries.push(entry);
        joined = undefined;
        // Now and then, not at each line.
        if (entries.length > mostEntries * 1.2) entries = entries.slice(-mostEntries);
      }
    })();
    return {
      find: () =>
        placesIn(
          watched.map(({ pods, services, ...cluster }) => ({
            ...cluster,
            pods: pods.list(),
            services: services.list(),
          })),
        ),
      stop: () => abort.abort(),
    };
  };
  const end = () => {
    forgetSoon();
    running?.stop();
    running = undefined;
    entries = [];
    joined = undefined;
    away.clear();
  };
  return {
    requests(filter = {}) {
      running ??= begin();
      forgetSoon();
      forgetSoon = clock.after(patience, end);
      joined ??= joinRequests(entries);
      const { limit = defaultLimit } = filter;
      const find = running.find();
      return joined
        .filter((one) => isWantedRequest(one, filter))
        .slice(0, limit)
        .map((one) => liveRequest(one, find));
    },
    away,
    get hasEntries() {
      return entries.length > 0;
    },
    stop: end,
  };
}

interface Following {
  find(): FindPlace;
  stop(): void;
}
