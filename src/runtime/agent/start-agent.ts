import { type Clock, createSignal, systemClock } from "../../base/index.ts";
import { methods, openGrpc } from "../../xds/index.ts";
import type { ContainerContext, RunningContainer } from "../contracts.ts";
import { readAgentConfig } from "./agent-config.ts";
import type { AgentProxy, StartProxy } from "./contracts.ts";
import { createControlPlane } from "./control-plane.ts";
import { readMounted, withFileSecrets } from "./file-secrets.ts";
import { createHoldingInterceptor } from "./holding-interceptor.ts";
import { createNameAnswers } from "./name-answers.ts";
import { serveStatusPorts } from "./status-ports.ts";
import { keepWorkloadCertificate } from "./workload-certificate.ts";
import { createXdsNode, type Locality } from "./xds-node.ts";

export interface AgentOptions {
  readonly context: ContainerContext;
  readonly startProxy: StartProxy;
  /** ISTIO_VERSION of the node, when the container's image has no version as its tag. */
  readonly istioVersion: string;
  /** Where the pod runs; undefined leaves it to discovery. */
  readonly locality?: Locality | undefined;
  readonly clock?: Clock;
}

type Exit = Awaited<RunningContainer["exited"]>;

const tokenAudience = "istio-ca";
const rootMount = "/var/run/secrets/istio";
const rootFile = "root-cert.pem";
/** How long the app's connections wait for the proxy's first configuration. */
const holdMs = 8_000;

/**
 * Starts what Istio's agent does beside a proxy: it gets the workload's certificate, opens ADS for the proxy, takes
 * the pod's connections (a sidecar does, from the first moment on), and answers probes. Resolves when the proxy runs;
 * it is ready when it also has its first configuration and certificate.
 */
export async function startAgent(options: AgentOptions): Promise<RunningContainer> {
  const { context, clock = systemClock } = options;
  const { network, logger: log } = context;
  const config = readAgentConfig(context, versionOf(context.container.image) ?? options.istioVersion);
  const abort = new AbortController();
  const changes = createSignal();

  let proxy: AgentProxy | undefined;
  const namesOf = createNameAnswers(() => proxy?.nameTable, {
    namespace: config.namespace,
    domain: config.domain.replace(/^[^.]+\.svc\./, ""),
  });
  const interceptor = createHoldingInterceptor(clock, holdMs, (question) =>
    config.usesNameTable ? namesOf(question) : undefined,
  );
  if (config.isIntercepting) network.intercept(interceptor);

  const roots = async () => {
    const files = await context.readMount(rootMount);
    const pem = files.get(rootFile)?.toString();
    if (pem === undefined || pem === "") throw new Error(`${rootMount}/${rootFile} is not there`);
    return pem;
  };
  const token = async () => (await context.token(tokenAudience)).token;
  const controlPlane = createControlPlane(network, roots);
  const certificate = keepWorkloadCertificate({
    config,
    controlPlane,
    roots,
    token,
    clock,
    log,
    signal: abort.signal,
  });

  const release = () => {
    interceptor.close();
    abort.abort();
    controlPlane.close();
  };
  const running = await Promise.resolve(
    options.startProxy({
      node: createXdsNode(config, options.locality),
      async openAds(signal) {
        const session = await controlPlane.session(config.discovery);
        const metadata = { authorization: `Bearer ${await token()}`, clusterid: config.clusterId };
        return openGrpc(
          session,
          methods.deltaAggregatedResources,
          metadata,
          AbortSignal.any([signal, abort.signal]),
        );
      },
      secrets: withFileSecrets(certificate.secrets, {
        read: (file) => readMounted(context.readMount, file),
        clock,
        signal: abort.signal,
      }),
      network: {
        address: network.address,
        isDirect: network.isDirect,
        dial: (to, source) => network.dial(to, source ?? network.address),
        listen: network.listen,
        resolve: network.resolve,
      },
      accessLog: context.log,
      log,
      clock,
    }),
  ).catch((reason: unknown) => {
    release();
    throw reason;
  });
  proxy = running;

  let isStopping = false;
  let wasReady = false;
  const isReady = () => !isStopping && running.state.ready && certificate.isIssued;
  const look = () => {
    if (isReady() === wasReady) return;
    wasReady = !wasReady;
    if (wasReady) {
      context.log(`${new Date(clock.now()).toISOString()}\tinfo\tproxy is ready`);
      interceptor.open(running);
    }
    changes.notify();
  };
  running.changes.subscribe(look, abort.signal);
  certificate.changes.subscribe(look, abort.signal);

  let resolveExited: (exit: Exit) => void = () => {};
  const exited = new Promise<Exit>((resolve) => {
    resolveExited = resolve;
  });
  let stopping: Promise<void> | undefined;
  const end = async (graceSeconds: number, exit: Exit) => {
    isStopping = true;
    look();
    await running.stop(Math.min(config.drainMs, graceSeconds * 1000));
    interceptor.close();
    await stopStatus();
    release();
    resolveExited(exit);
  };
  const stop = (graceSeconds: number, exit: Exit = { exitCode: 0 }) => {
    stopping ??= end(graceSeconds, exit).catch((reason: unknown) => {
      log.warn({ reason: String(reason) }, "the proxy did not end cleanly");
      resolveExited({ exitCode: 1 });
    });
    return stopping;
  };
  /** As in Istio the container ends with its Envoy, so that Kubernetes counts the restart and backs off. */
  const proxyEnded = (exit: Exit) => {
    if (isStopping) return;
    const how = exit.signal === undefined ? `exit status ${exit.exitCode}` : `signal ${exit.signal}`;
    context.log(`${new Date(clock.now()).toISOString()}\terror\tEnvoy ended by itself: ${how}`);
    interceptor.close();
    void stop(0, exit);
  };
  const stopStatus = await serveStatusPorts({
    config,
    network,
    proxy: running,
    isReady,
    quit: () => void stop(config.drainMs / 1000),
  }).catch(async (reason: unknown) => {
    release();
    await running.stop(0);
    throw reason;
  });
  look();
  void running.exited?.then(proxyEnded);
  return {
    exited,
    drain: () => running.drain(),
    ...(running.leaveTime === undefined ? {} : { leaveTime: running.leaveTime }),
    stop: (graceSeconds) => stop(graceSeconds),
    isReady,
    changes,
    ...(running.use === undefined ? {} : { use: running.use }),
  };
}

/** "1.32.0" of "docker.io/istio/proxyv2:1.32.0-distroless"; undefined for tags that are no version. */
function versionOf(image: string | undefined): string | undefined {
  return /:(\d+\.\d+(?:\.\d+)?)[^/]*$/.exec(image ?? "")?.[1];
}
