import { createSignal } from "../base/index.ts";
import { startAdsClient } from "./ads/ads-client.ts";
import { createConfiguration } from "./config/configuration.ts";
import type { Proxy as MeshProxy, ProxyOptions, ProxyState } from "./contracts.ts";
import { ownMetadata } from "./filters/peer-metadata.ts";
import type { HttpChain } from "./http/http-chain.ts";
import { createListeners } from "./listener/listeners.ts";
import type { ExchangeFacts } from "./router/facts.ts";
import { createHttpStats, type HttpStats } from "./router/http-stats.ts";
import type { Direction, ProxyRuntime } from "./router/runtime.ts";
import { createSecretStore } from "./tls/secret-store.ts";
import { createTlsCompiler } from "./tls/tls-settings.ts";

/** Starts a proxy. It serves as soon as its first configuration is complete, and goes on without discovery. */
export function startProxy(options: ProxyOptions): MeshProxy {
  const { node, clock, log, network } = options;
  const running = new AbortController();
  const changes = createSignal();
  const secrets = createSecretStore(options.secrets, running.signal);
  const httpStats = new Map<string, HttpStats>();
  const startedAt = clock.now();
  let ready = false;
  let draining = false;

  const runtime: ProxyRuntime = {
    cluster: (name) => configuration.cluster(name),
    now: () => clock.now(),
    after: (delay, action) => clock.after(delay, action),
    isDraining: () => draining,
    log: (line) => options.accessLog(line),
    ownMetadata: ownMetadata(node.id, node.metadata),
    report(_facts: ExchangeFacts, _direction: Direction, _chain: HttpChain | undefined) {},
    httpStats(prefix) {
      let stats = httpStats.get(prefix);
      if (stats === undefined) {
        stats = createHttpStats();
        httpStats.set(prefix, stats);
      }
      return stats;
    },
  };
  const listeners = createListeners(runtime, network, log, notify);
  const configuration = createConfiguration({
    cluster: { network, now: () => clock.now(), after: (delay, action) => clock.after(delay, action) },
    tls: createTlsCompiler(secrets),
    secrets,
    isGateway: node.id.startsWith("router~"),
    now: () => clock.now(),
    activateListener: (listener) => listeners.activate(listener),
    removeListener: (name) => listeners.remove(name),
    onChange: notify,
  });
  const ads = startAdsClient({
    node,
    openAds: (signal) => options.openAds(signal),
    configuration,
    clock,
    log,
    signal: running.signal,
    onChange: notify,
  });

  const state: ProxyState = {
    get ready() {
      return ready;
    },
    get connected() {
      return ads.connected;
    },
    get types() {
      return ads.types;
    },
  };

  return {
    acceptOutbound: (socket, destination) => listeners.acceptOutbound(socket, destination),
    acceptInbound: (socket, destination) => listeners.acceptInbound(socket, destination),
    state,
    changes,
    get nameTable() {
      return configuration.nameTable;
    },
    admin(path, query, method) {
      void query;
      void method;
      void startedAt;
      return { status: 404, contentType: "text/plain", body: path };
    },
    async stop(drainMs) {
      draining = true;
      await listeners.stop(drainMs);
      running.abort();
      configuration.close();
      await ads.ended;
    },
  };

  function notify() {
    // Configuration changes while it is being made do not count yet.
    if (!ready && configuration?.isComplete && listeners.allBound) ready = true;
    changes.notify();
  }
}
