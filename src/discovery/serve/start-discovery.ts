import { setMaxListeners } from "node:events";
import { createSignal, type Logger, type Stop, startAll } from "../../base/index.ts";
import type { KubeClient } from "../../kube/index.ts";
import { type GrpcCall, GrpcError, type GrpcHandlers, grpcStatus, methods } from "../../xds/index.ts";
import type { Discovery, DiscoveryOptions } from "../contracts.ts";
import { createWorldObjects } from "../translate/objects.ts";
import type { ProxyNode } from "../translate/proxy-node.ts";
import { type AdsStream, serveAds } from "./ads-stream.ts";
import { allocateAddresses } from "./allocate-addresses.ts";
import { answerValidation } from "./answer-validation.ts";
import { type Caller, createAuthenticator } from "./authenticate.ts";
import { createCertificateService } from "./certificate-service.ts";
import { type ControlPlane, createControlPlane } from "./control-plane.ts";
import { debugPages } from "./debug-pages.ts";
import { createDebugRequests } from "./debug-requests.ts";
import { fetchKeySets } from "./fetch-key-sets.ts";
import { servePlainGrpc, serveTlsGrpc } from "./grpc-servers.ts";
import { type HttpHandler, serveHttp, serveHttps } from "./http-servers.ts";
import type { InjectionHandler, InjectionSettings } from "./injection/contracts.ts";
import { watchInjectionSettings } from "./injection-settings.ts";
import { createPilotMetrics, type PilotMetrics } from "./pilot-metrics.ts";
import { watchRemoteClusters } from "./remote-clusters.ts";
import { resolveGateways } from "./resolve-gateways.ts";
import { watchCluster, watchConfig, watchMeshConfig } from "./sources.ts";
import type { StartUpkeep } from "./upkeep/contracts.ts";

/** How long a remote cluster that doesn't answer may keep the control plane from being ready. */
const remotePatienceMs = 30_000;

/** Milliseconds between fetches of the keys for tokens. */
const defaultKeyRefresh = 20 * 60_000;

/** What a control plane does for clusters beside configuring proxies. */
export interface ClusterServices {
  createInjection(settings: () => InjectionSettings): InjectionHandler;
  readonly startUpkeep: StartUpkeep;
}

/**
 * Starts a control plane and resolves when its ports are open; it is ready once it has read its own cluster
 * and the remote ones (those that don't answer are waited for no longer than 30 s). Rejects when a port can't
 * be bound; nothing keeps running then.
 */
export async function startDiscovery(
  options: DiscoveryOptions,
  services: ClusterServices,
): Promise<Discovery> {
  const { client, clusterId, systemNamespace, log, clock, signer } = options;
  const revision = options.revision ?? "";
  const controller = new AbortController();
  const { signal } = controller;
  setMaxListeners(0, signal); // Every watch of every cluster ends with it.
  const changes = createSignal();
  const objects = createWorldObjects(clusterId, systemNamespace);
  objects.skipValidateTrustDomain = options.skipValidateTrustDomain ?? false;
  objects.spawnGatewaySpans = options.spawnGatewaySpans ?? true;
  const metrics = createPilotMetrics({ version: options.version, plane: () => plane, signer });
  const plane: ControlPlane = createControlPlane(objects, { clock, log, changes, signal, metrics });
  const watch = { client, signal, log };

  const isDefault = revision === "" || revision === "default";
  const mesh = watchMeshConfig(plane.sink, isDefault ? "istio" : `istio-${revision}`, watch);
  const own = watchCluster(plane.sink, clusterId, watch);
  own.attach();
  const config = watchConfig(plane.sink, watch);
  const settings = watchInjectionSettings({
    client,
    systemNamespace,
    revision,
    world: () => plane.world,
    signal,
    log,
  });
  const upkeep = (of: {
    readonly clusterId: string;
    readonly client: KubeClient;
    readonly signal: AbortSignal;
  }) =>
    services.startUpkeep({
      ...of,
      controlPlaneCluster: clusterId,
      revision,
      systemNamespace,
      rootPem: () => signer.rootPem,
      rootChanges: signer.changes,
      log: log.child({ cluster: of.clusterId }),
    });
  const remotes = watchRemoteClusters(plane.sink, {
    client,
    signal,
    log,
    ownClusterId: clusterId,
    connectRemote: (kubeconfig, id) => options.connectRemote(kubeconfig, id),
    onAdded: (remote) => upkeep({ clusterId: remote.id, client: remote.client, signal: remote.signal }),
  });
  upkeep({ clusterId, client, signal });
  allocateAddresses({ client, signal, log });
  const looking = { world: () => plane.world, worldChanges: changes, clock, signal, log };
  if (options.resolveHost !== undefined)
    resolveGateways(plane.sink, { ...looking, resolve: options.resolveHost.bind(options) });
  if (options.fetchText !== undefined)
    fetchKeySets(plane.sink, {
      ...looking,
      fetchText: options.fetchText.bind(options),
      refresh: options.keyRefresh ?? defaultKeyRefresh,
    });

  let isReady = false;
  const ready = async () => {
    await Promise.all([mesh.synced, own.synced, config.synced, remotes.synced]);
    const patience = new Promise<void>((resolve) => {
      clock.after(remotePatienceMs, resolve);
      signal.addEventListener("abort", () => resolve(), { once: true });
    });
    await Promise.race([Promise.allSettled(remotes.list().map(({ source }) => source.synced)), patience]);
    plane.flush();
    isReady = true;
    changes.notify();
    for (const wake of waiting.splice(0)) wake();
    log.info({ clusters: [clusterId, ...remotes.list().map(({ id }) => id)] }, "the control plane is ready");
  };
  /** Streams that came before everything was read: an incomplete configuration would take away what proxies have. */
  const waiting: (() => void)[] = [];
  const whenReady = (call: GrpcCall) =>
    isReady
      ? Promise.resolve()
      : new Promise<void>((resolve) => {
          waiting.push(resolve);
          call.signal.addEventListener("abort", () => resolve(), { once: true });
        });
  ready().catch((reason: unknown) => {
    if (!signal.aborted)
      log.error({ reason: String(reason) }, "the control plane could not read its cluster");
  });

  const authenticator = createAuthenticator({
    clientFor: (id) => (id === clusterId ? client : remotes.get(id)?.client),
    ownClusterId: clusterId,
    clock,
    log,
  });
  const pages = debugPages({
    version: options.version,
    clusterId,
    isReady: () => isReady,
    plane,
    own,
    remotes,
    metrics: metrics.text,
  });
  const answerDebug = createDebugRequests({
    identity: { instance: options.instance, version: options.version },
    systemNamespace,
    streams: plane.streams,
    pages,
  });
  const ads = (protocol: AdsStream["protocol"], isSecure: boolean) => async (call: GrpcCall) => {
    const caller = isSecure ? await authenticator.authenticate(call) : undefined;
    await whenReady(call);
    let opened: AdsStream | undefined;
    try {
      await serveAds(
        call,
        protocol,
        {
          isAuthenticated: caller !== undefined,
          admit: (proxy) => admit(proxy, caller),
          snapshotFor: plane.snapshotFor,
          clock,
          log,
          answerDebug: (typeUrl, names) => answerDebug(caller, typeUrl, names),
          changed: () => changes.notify(),
          metrics,
        },
        (stream) => {
          opened = stream;
          plane.add(stream);
        },
      );
    } finally {
      if (opened !== undefined) plane.remove(opened);
    }
  };
  const certificates = createCertificateService({
    authenticator,
    signer,
    trustDomain: () => plane.world.rules.mesh.trustDomain,
    log,
  });
  const handlers = (isSecure: boolean): GrpcHandlers => ({
    [methods.deltaAggregatedResources]: ads("delta", isSecure),
    [methods.streamAggregatedResources]: ads("state-of-the-world", isSecure),
    [methods.createCertificate]: (call) =>
      certificates(call).then(
        () => metrics.signed(true),
        (reason: unknown) => {
          metrics.signed(false);
          throw reason;
        },
      ),
  });

  const names = dnsNames(systemNamespace, revision);
  const listen: DiscoveryOptions["listen"] = (port, onConnection) => options.listen(port, onConnection);
  const parts: (() => Promise<Stop>)[] = [
    () => servePlainGrpc(listen, 15010, handlers(false), log),
    () => serveTlsGrpc(listen, 15012, handlers(true), signer, names, signal, log),
    () => serveHttp(listen, 15014, pages, log),
    () => serveHttp(listen, 8080, pages, log),
    () =>
      serveHttps(
        listen,
        15017,
        webhooks(services.createInjection(settings.current), settings.synced, metrics, log),
        signer,
        names,
        signal,
        log,
      ),
  ];
  const stop = await startAll(parts).catch((reason: unknown) => {
    controller.abort();
    throw reason;
  });
  return {
    get isReady() {
      return isReady;
    },
    changes,
    async stop() {
      controller.abort();
      await stop();
    },
  };
}

/** /inject and /validate for the clusters' API servers. A pod waits until the settings have been read. */
function webhooks(
  inject: InjectionHandler,
  settingsRead: Promise<void>,
  metrics: PilotMetrics,
  log: Logger,
): HttpHandler {
  return async ({ method, path, body }) => {
    if (path === "/ready") return { status: 200, body: "" };
    if (method !== "POST") return { status: 405, body: "AdmissionReviews are posted\n" };
    let review: unknown;
    try {
      review = JSON.parse(body);
    } catch {
      return { status: 400, body: "the body is not JSON\n" };
    }
    const [, webhook] = path.split("/");
    if (webhook !== "inject" && webhook !== "validate") return { status: 404, body: `no webhook ${path}\n` };
    if (webhook === "inject") await settingsRead;
    try {
      const answer = webhook === "inject" ? inject(path, review) : answerValidation(review);
      const allowed = (answer as { readonly response?: { readonly allowed?: boolean } }).response?.allowed;
      if (webhook === "inject") metrics.injected(allowed === true);
      else metrics.validated(allowed === true);
      return { status: 200, body: answer };
    } catch (reason) {
      if (webhook === "inject") metrics.injected(false);
      if (!(reason instanceof RangeError)) throw reason;
      log.warn({ path, reason: reason.message }, "an AdmissionReview could not be answered");
      return { status: 400, body: `${reason.message}\n` };
    }
  };
}

/** A caller may be a proxy only of its own workload. */
function admit(proxy: ProxyNode, caller: Caller | undefined): void {
  if (caller === undefined) return;
  if (
    proxy.namespace !== caller.namespace ||
    (proxy.serviceAccount !== "" && proxy.serviceAccount !== caller.serviceAccount)
  ) {
    throw new GrpcError(
      grpcStatus.unauthenticated,
      `the caller is ${caller.namespace}/${caller.serviceAccount}, not ${proxy.namespace}/${proxy.serviceAccount}`,
    );
  }
}

/** The names under which proxies and API servers reach istiod. */
function dnsNames(namespace: string, revision: string): string[] {
  const services = [
    "istiod",
    ...(revision === "" || revision === "default" ? [] : [`istiod-${revision}`]),
    "istio-pilot",
    "istiod-remote",
  ];
  return services.flatMap((service) => [
    `${service}.${namespace}.svc`,
    `${service}.${namespace}.svc.cluster.local`,
    `${service}.${namespace}`,
  ]);
}
