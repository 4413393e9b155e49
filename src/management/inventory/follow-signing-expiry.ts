import { pause, systemClock } from "../../base/index.ts";
import { systemNamespace } from "../../kube/index.ts";
import type { ClusterInformers } from "../cluster-informers.ts";

/** istiod's page of metrics, as the API server passes requests for it on. An agent may read this one and no other. */
const metricsPage = `/api/v1/namespaces/${systemNamespace}/services/istiod:15014/proxy/metrics`;
const metric = /^citadel_server_cert_chain_expiry_timestamp(?:\{[^}]*\})? (\S+)$/m;
/** Between two looks, in milliseconds; sooner as long as there was no answer. */
const lookEvery = 60_000;
const lookAgain = 5_000;

/** What is known of the certificate that a control plane signs with. */
export interface SigningExpiry {
  /** Milliseconds since 1970; undefined: its istiod does not say. */
  readonly notAfter: number | undefined;
  /** Whether it was asked at all. */
  readonly wasAsked: boolean;
}

/** Asks the istiod of a cluster again and again when its signing certificate expires, until the cluster is left alone. */
export function followSigningExpiry(
  { client, signal, log }: ClusterInformers,
  changed: () => void,
): SigningExpiry {
  let notAfter: number | undefined;
  let wasAsked = false;
  const look = async () => {
    const { status, body } = await client.transport.send(
      { method: "GET", path: metricsPage, query: new URLSearchParams(), headers: { accept: "text/plain" } },
      signal,
    );
    return status === 200 && typeof body === "string" ? signingExpiryOf(body) : undefined;
  };
  const run = async () => {
    while (!signal.aborted) {
      const found = await look().catch((reason: unknown) => {
        log.debug({ reason: String(reason) }, "istiod's metrics can't be read");
        return notAfter;
      });
      if (found !== notAfter || !wasAsked) {
        notAfter = found;
        wasAsked = true;
        changed();
      }
      await pause(systemClock, found === undefined ? lookAgain : lookEvery, signal);
    }
  };
  void run();
  return {
    get notAfter() {
      return notAfter;
    },
    get wasAsked() {
      return wasAsked;
    },
  };
}

/** What istiod's metrics say, in milliseconds since 1970. */
export function signingExpiryOf(metrics: string): number | undefined {
  const seconds = Number(metric.exec(metrics)?.[1]);
  return Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : undefined;
}
