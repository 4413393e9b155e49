import { pause, systemClock } from "../../base/index.ts";
import { systemNamespace } from "../../kube/index.ts";
import type { ClusterInformers } from "../cluster-informers.ts";

/** An istiod's page of metrics, as the API server passes requests for it on. An agent may read these and no other. */
const metricsPage = (service: string) =>
  `/api/v1/namespaces/${systemNamespace}/services/${service}:15014/proxy/metrics`;
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

/**
 * Asks the istiods of a cluster, one for each revision, again and again when their signing certificates expire, until the
 * cluster is left alone. The one that expires first counts. `services`: names of their Services as they are now.
 */
export function followSigningExpiry(
  { client, signal, log }: ClusterInformers,
  services: () => readonly string[],
  changed: () => void,
): SigningExpiry {
  let notAfter: number | undefined;
  let wasAsked = false;
  const ask = async (service: string) => {
    const path = metricsPage(service);
    const { status, body } = await client.transport.send(
      { method: "GET", path, query: new URLSearchParams(), headers: { accept: "text/plain" } },
      signal,
    );
    return status === 200 && typeof body === "string" ? signingExpiryOf(body) : undefined;
  };
  const look = async () => {
    const answers = await Promise.all(services().map(ask));
    const known = answers.filter((one) => one !== undefined);
    return known.length === 0 ? undefined : Math.min(...known);
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
