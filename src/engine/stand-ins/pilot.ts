import { type Clock, createSignal, type Logger, parseGoDuration, type Signal } from "../../base/index.ts";
import {
  type CaFiles,
  type CertificateAuthority,
  caFileNames,
  caFilesOfTls,
  checkCaFiles,
  createAuthority,
  createRoot,
  overlaps,
} from "../../ca/index.ts";
import { type Discovery, startDiscovery } from "../../discovery/index.ts";
import { isApiError, type KubeClient, kinds, type Secret, startInformer } from "../../kube/index.ts";
import type { ContainerContext, StandIn } from "../../runtime/index.ts";
import { fetchAsIstiod } from "./fetch-as-istiod.ts";

/** Secret in which istiod keeps a CA that it made itself, as upstream's does. */
const selfSignedSecret = "istio-ca-secret";

export interface PilotOptions {
  /** A client for a remote cluster from the text of its kubeconfig; connections leave from istiod's pod. */
  connectRemote(kubeconfig: string, context: ContainerContext): KubeClient;
  readonly clock: Clock;
}

/**
 * istiod's image, run by our discovery: it reads its cluster through the pod's service account, signs with the
 * CA in the Secret cacerts, or with a self-signed one when there is none. It takes a changed Secret over, as upstream's
 * does with ISTIO_MULTIROOT_MESH: other roots only when all of the old ones are among the new, or the other way round.
 */
export function createPilotStandIn({ connectRemote, clock }: PilotOptions): StandIn {
  return {
    name: "istiod",
    matches: (image) => image === "pilot",
    onPodAddress: true,
    async start(context) {
      const { env, network, client, logger } = context;
      const stopped = new AbortController();
      const namespace = env["POD_NAMESPACE"] ?? context.pod.metadata.namespace ?? "istio-system";
      const signer = await createSigner(context, namespace, clock, stopped.signal);
      const discovery: Discovery = await startDiscovery({
        clusterId: env["CLUSTER_ID"] ?? context.cluster,
        instance: env["POD_NAME"] ?? context.pod.metadata.name,
        version: versionOf(context.container.image),
        revision: env["REVISION"] ?? "default",
        systemNamespace: namespace,
        skipValidateTrustDomain: env["PILOT_SKIP_VALIDATE_TRUST_DOMAIN"] === "true",
        spawnGatewaySpans: env["PILOT_SPAWN_UPSTREAM_SPAN_FOR_GATEWAY"] !== "false",
        client,
        connectRemote: (kubeconfig) => connectRemote(kubeconfig, context),
        ...(env["RESOLVE_HOSTNAME_GATEWAYS"] === "false"
          ? {}
          : { resolveHost: (name: string) => network.resolve(name) }),
        fetchText: fetchAsIstiod(network, (env["BLOCKED_CIDRS_IN_JWKS_URIS"] ?? "").split(",")),
        ...optionalRefresh(env["PILOT_JWT_PUB_KEY_REFRESH_INTERVAL"]),
        signer,
        listen: (port, onConnection) => network.listen(port, onConnection),
        log: logger,
        clock,
      });
      let end = (_result: { exitCode: number }) => {};
      const exited = new Promise<{ exitCode: number }>((resolve) => {
        end = resolve;
      });
      context.log(`istiod ${versionOf(context.container.image)} of cluster ${context.cluster} is up`);
      return {
        exited,
        isReady: () => discovery.isReady,
        async stop() {
          stopped.abort();
          await discovery.stop();
          end({ exitCode: 0 });
        },
      };
    },
  };
}

function optionalRefresh(text: string | undefined): { readonly keyRefresh?: number } {
  const keyRefresh = parseGoDuration(text);
  return keyRefresh === undefined || keyRefresh <= 0 ? {} : { keyRefresh };
}

/** The tag of an image: "1.31.1" of "docker.io/istio/pilot:1.31.1". */
export function versionOf(image: string | undefined): string {
  const tag = image?.split("/").at(-1)?.split(":")[1];
  return tag === undefined || tag === "" ? "unknown" : tag;
}

type Signer = CertificateAuthority & { readonly changes: Signal };

async function createSigner(
  context: ContainerContext,
  namespace: string,
  clock: Clock,
  signal: AbortSignal,
): Promise<Signer> {
  const { client, logger } = context;
  const changes = createSignal();
  let files = (await pluggedFiles(context)) ?? (await selfSigned(client, namespace, clock));
  let authority = createAuthority(files, clock);
  watchSecret(client, namespace, logger, signal, (renewed) => {
    if (caFileNames.every((name) => renewed[name] === files[name])) return;
    checkCaFiles(renewed, `Secret ${namespace}/cacerts`, clock.now());
    if (!overlaps(authority.rootPem, renewed["root-cert.pem"]))
      throw new Error(
        "neither the roots before nor those now contain the others: workloads would not believe each other meanwhile",
      );
    authority = createAuthority(renewed, clock);
    files = renewed;
    changes.notify();
  });
  return {
    changes,
    get rootPem() {
      return authority.rootPem;
    },
    get notAfter() {
      return authority.notAfter;
    },
    sign: (...request) => authority.sign(...request),
    serverCertificate: (names) => authority.serverCertificate(names),
  };
}

async function pluggedFiles(context: ContainerContext): Promise<CaFiles | undefined> {
  const mounted = await context.readMount("/etc/cacerts");
  return caFiles((name) => mounted.get(name)?.toString("utf8"));
}

function caFiles(read: (name: string) => string | undefined): CaFiles | undefined {
  // As upstream's: where there is a tls.crt, that form is the one.
  if (read("tls.crt") !== undefined) return caFilesOfTls(read);
  const [cert, key, root, chain] = caFileNames.map(read);
  if (cert === undefined || key === undefined || root === undefined || chain === undefined) return undefined;
  return { "ca-cert.pem": cert, "ca-key.pem": key, "root-cert.pem": root, "cert-chain.pem": chain };
}

function watchSecret(
  client: KubeClient,
  namespace: string,
  log: Logger,
  signal: AbortSignal,
  take: (files: CaFiles) => void,
): void {
  const secrets = startInformer(client, kinds.secrets, {
    namespace,
    fieldSelector: "metadata.name=cacerts",
    signal,
    log,
  });
  secrets.subscribe((change) => {
    if (change.type === "deleted" || change.object.metadata.name !== "cacerts") return;
    const files = caFiles((name) => decode(change.object, name));
    try {
      if (files !== undefined) take(files);
    } catch (reason) {
      // Errors of ca never quote the files.
      log.error(
        { reason: String(reason) },
        "the changed Secret cacerts can't be used; signing goes on with the old one",
      );
    }
  });
}

/** The CA of an istiod without cacerts: made once and kept in its Secret. */
async function selfSigned(client: KubeClient, namespace: string, clock: Clock): Promise<CaFiles> {
  const kept = await client.get(kinds.secrets, selfSignedSecret, namespace);
  if (kept !== undefined)
    return selfSignedFiles(decode(kept, "ca-cert.pem") ?? "", decode(kept, "ca-key.pem") ?? "");
  const root = createRoot("cluster.local", clock.now());
  const base64 = (text: string) => Buffer.from(text).toString("base64");
  const secret: Secret = {
    apiVersion: "v1",
    kind: "Secret",
    type: "istio.io/ca-root",
    metadata: { name: selfSignedSecret, namespace },
    data: { "ca-cert.pem": base64(root.certificatePem), "ca-key.pem": base64(root.privateKeyPem) },
  };
  try {
    await client.create(kinds.secrets, secret);
    return selfSignedFiles(root.certificatePem, root.privateKeyPem);
  } catch (reason) {
    // Another replica was faster; its CA is the one.
    if (isApiError(reason, 409)) return selfSigned(client, namespace, clock);
    throw reason;
  }
}

function selfSignedFiles(certificate: string, key: string): CaFiles {
  return {
    "ca-cert.pem": certificate,
    "ca-key.pem": key,
    "root-cert.pem": certificate,
    "cert-chain.pem": certificate,
  };
}

function decode(secret: Secret, name: string): string | undefined {
  const value = secret.data?.[name];
  return value === undefined ? undefined : Buffer.from(value, "base64").toString("utf8");
}
