import type { Clock, Logger, Signal } from "../base/index.ts";
import type { KubeClient } from "../kube/index.ts";

/** Signs workload certificates; implemented by the cluster's certificate authority. Private keys never leave it. */
export interface CertificateSigner {
  /** PEM of the root(s) that workloads trust. */
  readonly rootPem: string;
  /** PEM certificates, leaf first, then intermediates, root last. The CSR's public key is certified for `identities` (SPIFFE URIs). */
  sign(csrPem: string, identities: readonly string[], lifetimeSeconds: number): readonly string[];
  /** A serving certificate for istiod itself: key and chain in PEM. */
  serverCertificate(dnsNames: readonly string[]): { readonly key: string; readonly chain: string };
  /** When the certificate that it signs with expires, in milliseconds since 1970; undefined: not known. */
  readonly notAfter?: number;
  /** Told when root or intermediate changed. */
  readonly changes: Signal;
}

export interface DiscoveryOptions {
  /** Name of the cluster that istiod runs in (CLUSTER_ID). */
  readonly clusterId: string;
  /** Name of istiod's pod, by which tools tell one control plane from another. */
  readonly instance: string;
  readonly version: string;
  /** Istio's revision label (REVISION); absent or "default" for the default one. */
  readonly revision?: string;
  readonly systemNamespace: string;
  /** PILOT_SKIP_VALIDATE_TRUST_DOMAIN: workloads take callers of any trust domain that the mesh's roots vouch for. Default false. */
  readonly skipValidateTrustDomain?: boolean;
  /**
   * PILOT_SPAWN_UPSTREAM_SPAN_FOR_GATEWAY: gateways that trace make a span for the request to the upstream too. Default true.
   * Istio 1.31 has it no more and always does so.
   */
  readonly spawnGatewaySpans?: boolean;
  readonly client: KubeClient;
  /** A client for a remote cluster, from the kubeconfig text of its remote secret. Throws on a kubeconfig it can't use. */
  connectRemote(kubeconfig: string, clusterId: string): KubeClient;
  readonly signer: CertificateSigner;
  /**
   * Addresses of a host name as istiod's pod resolves it, for gateways of other networks that are given by name;
   * empty when there are none now. Without it such gateways are left out.
   */
  resolveHost?(name: string): Promise<readonly string[]>;
  /**
   * The body of a GET as istiod's pod gets it, for the keys of RequestAuthentications; `timeout` in milliseconds. Rejects
   * on anything but 200, on an answer of more than a megabyte, and for addresses that must not be asked. Without it only
   * keys that stand in the objects themselves are known, and tokens of other issuers are refused.
   */
  fetchText?(url: string, timeout: number): Promise<string>;
  /** PILOT_JWT_PUB_KEY_REFRESH_INTERVAL: milliseconds between fetches of the keys of one issuer. Default 20 minutes. */
  readonly keyRefresh?: number;
  /** Binds a port of istiod's pod. */
  listen(
    port: number,
    onConnection: (socket: import("node:net").Socket) => void,
  ): Promise<() => Promise<void>>;
  readonly log: Logger;
  readonly clock: Clock;
}

/** A running istiod. Ports: 15010 plain gRPC, 15012 TLS gRPC (xDS, CA), 15014 debug and metrics, 15017 webhooks, 8080 readiness and debug. */
export interface Discovery {
  readonly isReady: boolean;
  readonly changes: Signal;
  stop(): Promise<void>;
}
