import { createSignal } from "../base/index.ts";
import { type AdminSources, answerAdmin } from "./admin/admin.ts";
import { startAdsClient } from "./ads/ads-client.ts";
import { createConfiguration } from "./config/configuration.ts";
import type { Proxy as MeshProxy, ProxyNetwork, ProxyOptions, ProxyState } from "./contracts.ts";
import { type CpuMeter, createCpuMeter } from "./cpu-meter.ts";
import { ownMetadata } from "./filters/peer-metadata.ts";
import { createListeners } from "./listener/listeners.ts";
import { createHttpStats, type HttpStats } from "./router/http-stats.ts";
import type { ProxyRuntime } from "./router/runtime.ts";
import { createIstioMetrics } from "./telemetry/istio-metrics.ts";
import { createSecretStore } from "./tls/secret-store.ts";
import { createTlsCompiler } from "./tls/tls-settings.ts";
import { createSpanSink } from "./tracing/span-sink.ts";

/** Starts a proxy. It serves as soon as its first configuration is complete, and goes on without discovery. */
export function startProxy(options: ProxyOptions): MeshProxy {
  const { node, clock, log } = options;
  const cpu = createCpuMeter();
  const network = meteredNetwork(options.network, cpu);
  const running = new AbortController();
  const changes = createSignal();
  const secrets = createSecretStore(options.secrets, running.signal);
  const httpStats = new Map<string, HttpStats>();
  const startedAt = clock.now();
  const metrics = createIstioMetrics(node.metadata);
  let ready = false;
  let leaving = false;
  let draining = false;

  const address = node.id.split("~")[1] ?? "";
  const spans = createSpanSink({
    nodeId: node.id,
    service: node.cluster,
    address,
    cluster: (name) => configuration.cluster(name),
    after: (delay, action) => clock.after(delay, action),
  });

  const runtime: ProxyRuntime = {
    cluster: (name) => configuration.cluster(name),
    now: () => clock.now(),
    after: (delay, action) => clock.after(delay, action),
    isLeaving: () => leaving,
    isDraining: () => draining,
    log: (line) => options.accessLog(line),
    address,
    spans,
    ownMetadata: ownMetadata(node.id, node.metadata),
    report(facts, direction) {
      metrics.record(facts, direction, configuration.cluster(facts.cluster)?.config.service);
    },
    carry: (facts, direction, read) =>
      metrics.carry(facts, direction, configuration.cluster(facts.cluster)?.config.service, read),
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

  const adminSources: AdminSources = {
    node,
    startedAt,
    configuration,
    now: () => clock.now(),
    secrets: () => secrets.entries(),
    clusters: () => configuration.clusters(),
    listeners: () => listeners.live(),
    http: () => httpStats,
    state: () => (draining || leaving ? "DRAINING" : ready ? "LIVE" : "PRE_INITIALIZING"),
    extraMetrics: () => metrics.text(),
    stopListening: (inboundOnly) => listeners.stopListening(inboundOnly),
    server: () => ({
      "server.live": Number(ready),
      "server.state": draining || leaving ? 1 : ready ? 0 : 2,
      "server.uptime": Math.floor((clock.now() - startedAt) / 1000),
      "control_plane.connected_state": Number(ads.connected),
    }),
  };
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
    acceptOutbound(socket, destination) {
      cpu.watch(socket);
      listeners.acceptOutbound(socket, destination);
    },
    acceptInbound(socket, destination) {
      cpu.watch(socket);
      listeners.acceptInbound(socket, destination);
    },
    state,
    use: { cpuTime: () => cpu.time() },
    changes,
    get nameTable() {
      return configuration.nameTable;
    },
    admin: (path, query, method) => answerAdmin(adminSources, path, query, method),
    drain() {
      leaving = true;
      listeners.drain();
    },
    async stop(drainMs) {
      draining = true;
      await listeners.stop(drainMs);
      running.abort();
      spans.close();
      configuration.close();
      await ads.ended;
    },
  };

  function notify() {
    if (!ready && configuration.isComplete && listeners.allBound) ready = true;
    changes.notify();
  }
}

/** The network, with every connection that comes or goes through it counted to the proxy. */
function meteredNetwork(network: ProxyNetwork, cpu: CpuMeter): ProxyNetwork {
  return {
    dial(to, source) {
      const socket = network.dial(to, source);
      cpu.watch(socket);
      return socket;
    },
    listen: (port, onConnection) =>
      network.listen(port, (socket) => {
        cpu.watch(socket);
        onConnection(socket);
      }),
    resolve: (host) => network.resolve(host),
  };
}
