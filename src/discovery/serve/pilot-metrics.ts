import { createMetrics, type Metrics } from "../../base/index.ts";
import { certificateInfo } from "../../pki/index.ts";
import { type TypeUrl, typeUrls } from "../../xds/index.ts";
import type { CertificateSigner } from "../contracts.ts";
import type { ControlPlane } from "./control-plane.ts";

/** What istiod says of itself to Prometheus, under the names of upstream's. */
export interface PilotMetrics {
  /** A response of so many bytes was sent. */
  pushed(typeUrl: TypeUrl, bytes: number): void;
  /** A proxy refused a response. */
  rejected(typeUrl: TypeUrl): void;
  /** What has changed was taken in, and proxies are told. */
  triggered(by: "config" | "endpoint"): void;
  /** All proxies have what they need of the changes, the first of which came so many milliseconds ago. */
  converged(milliseconds: number): void;
  /** An object changed in a cluster. */
  changed(kind: string, event: "add" | "update" | "delete", isConfig: boolean): void;
  injected(isDone: boolean): void;
  validated(isAllowed: boolean): void;
  signed(isDone: boolean): void;
  text(): string;
}

const shortTypes: Readonly<Partial<Record<string, string>>> = {
  [typeUrls.cluster]: "cds",
  [typeUrls.endpoint]: "eds",
  [typeUrls.listener]: "lds",
  [typeUrls.route]: "rds",
  [typeUrls.secret]: "sds",
  [typeUrls.nameTable]: "nds",
};

const seconds = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 5, 10, 20, 30];
const sizes = [1, 10_000, 1_000_000, 4_000_000, 10_000_000, 40_000_000];

export function createPilotMetrics(options: {
  readonly version: string;
  /** Called only when the page is asked for. */
  plane(): ControlPlane;
  readonly signer: CertificateSigner;
}): PilotMetrics {
  const metrics = createMetrics();
  const { plane } = options;
  addState(metrics, options.version, plane);
  addExpiry(metrics, options.signer);
  const pushes = metrics.counter("pilot_xds_pushes", "Responses sent to proxies.", ["type"]);
  const size = metrics.histogram("pilot_xds_config_size_bytes", "Size of responses sent to proxies.", sizes, [
    "type",
  ]);
  const rejects = metrics.counter("pilot_total_xds_rejects", "Responses that proxies refused.", ["type"]);
  const triggers = metrics.counter("pilot_push_triggers", "What caused pushes.", ["type"]);
  const convergence = metrics.histogram(
    "pilot_proxy_convergence_time",
    "Seconds from a change to what proxies need of it.",
    seconds,
  );
  const configEvents = metrics.counter("pilot_k8s_cfg_events", "Changes of Istio's objects.", [
    "type",
    "event",
  ]);
  const registryEvents = metrics.counter("pilot_k8s_reg_events", "Changes of Kubernetes' objects.", [
    "type",
    "event",
  ]);
  const requests = metrics.counter(
    "sidecar_injection_requests_total",
    "Pods shown to the injection webhook.",
  );
  const successes = metrics.counter("sidecar_injection_success_total", "Pods that the webhook answered for.");
  const failures = metrics.counter("sidecar_injection_failure_total", "Pods that it could not answer for.");
  const passed = metrics.counter("galley_validation_passed", "Objects that validation let in.");
  const failed = metrics.counter("galley_validation_failed", "Objects that validation refused.");
  const csrs = metrics.counter("citadel_server_csr_count", "Certificates that were asked for.");
  const certificates = metrics.counter(
    "citadel_server_success_cert_issuance_count",
    "Certificates that were signed.",
  );
  return {
    pushed(typeUrl, bytes) {
      const type = [shortTypes[typeUrl] ?? typeUrl];
      pushes.add(type);
      size.observe(bytes, type);
    },
    rejected: (typeUrl) => rejects.add([shortTypes[typeUrl] ?? typeUrl]),
    triggered: (by) => triggers.add([by]),
    converged: (milliseconds) => convergence.observe(milliseconds / 1000),
    changed: (kind, event, isConfig) => (isConfig ? configEvents : registryEvents).add([kind, event]),
    injected(isDone) {
      requests.add();
      (isDone ? successes : failures).add();
    },
    validated: (isAllowed) => (isAllowed ? passed : failed).add(),
    signed(isDone) {
      csrs.add();
      if (isDone) certificates.add();
    },
    text: metrics.text,
  };
}

/** What is read off the control plane when somebody asks. */
function addExpiry(metrics: Metrics, signer: CertificateSigner): void {
  const seconds = (milliseconds: number | undefined) =>
    milliseconds === undefined ? [] : [[{}, milliseconds / 1000] as const];
  metrics.gauge(
    "citadel_server_root_cert_expiry_timestamp",
    "When the root expires, in seconds since 1970.",
    () => (signer.rootPem === "" ? [] : seconds(certificateInfo(signer.rootPem).notAfter)),
  );
  metrics.gauge(
    "citadel_server_cert_chain_expiry_timestamp",
    "When the certificate that istiod signs with expires, in seconds since 1970.",
    () => seconds(signer.notAfter),
  );
}

function addState(metrics: Metrics, version: string, plane: () => ControlPlane): void {
  metrics.gauge("istio_build", "The version of this istiod.", () => [
    [{ component: "pilot", tag: version }, 1],
  ]);
  metrics.gauge("pilot_info", "The version of this istiod.", () => [[{ version }, 1]]);
  metrics.gauge("pilot_xds", "Proxies connected.", () => {
    const byVersion = new Map<string, number>();
    for (const { node } of plane().streams) {
      const proxyVersion = node?.metadata?.["ISTIO_VERSION"];
      const text = typeof proxyVersion === "string" ? proxyVersion : "unknown";
      byVersion.set(text, (byVersion.get(text) ?? 0) + 1);
    }
    return [...byVersion].map(([text, count]) => [{ version: text }, count]);
  });
  metrics.gauge("pilot_services", "Services known.", () => plane().world.rules.services.length);
  metrics.gauge(
    "pilot_virt_services",
    "VirtualServices known.",
    () => plane().world.rules.virtualServices.length,
  );
  metrics.gauge(
    "pilot_total_rejected_configs",
    "Rules that were left out because something is wrong with them.",
    () => plane().problems.length,
  );
}
