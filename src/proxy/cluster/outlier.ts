import type { OutlierRules } from "./compile-cluster.ts";
import type { Host } from "./host.ts";
import type { ClusterStats } from "./stats.ts";

/** Watches answers and takes hosts that keep failing out of the balance for a while (Envoy's outlier detection). */
export interface OutlierDetector {
  /** An answer came, with this status. */
  answered(host: Host, status: number): void;
  /** Connecting failed or the connection broke before an answer. */
  failedLocally(host: Host): void;
  stop(): void;
}

const ignoring: OutlierDetector = { answered() {}, failedLocally() {}, stop() {} };

export function createOutlierDetector(
  rules: OutlierRules | undefined,
  hosts: () => readonly Host[],
  stats: ClusterStats,
  time: { now(): number; after(delay: number, action: () => void): () => void },
  onChange: () => void,
): OutlierDetector {
  if (rules === undefined) return ignoring;
  let cancelSweep: (() => void) | undefined;

  function eject(host: Host) {
    const { outlier } = host;
    if (outlier.ejected) return;
    const all = hosts();
    const ejected = all.filter((other) => other.outlier.ejected).length;
    const share = (100 * (ejected + 1)) / Math.max(1, all.length);
    const isSpared = share > (rules?.maxEjectionPercent ?? 0);
    if (isSpared && !(rules?.ejectsOne === true && ejected === 0)) {
      stats.outlier_detection_ejections_overflow++;
      return;
    }
    outlier.ejected = true;
    outlier.ejections++;
    outlier.ejectedUntil =
      time.now() +
      Math.min(
        (rules?.baseEjection ?? 0) * outlier.ejections,
        rules?.maxEjection ?? Number.POSITIVE_INFINITY,
      );
    stats.outlier_detection_ejections_active++;
    stats.outlier_detection_ejections_enforced_total++;
    onChange();
    cancelSweep ??= time.after(rules?.interval ?? 10_000, sweep);
  }

  /** Lets hosts back in. Runs only while one is out. */
  function sweep() {
    cancelSweep = undefined;
    let changed = false;
    let out = 0;
    for (const host of hosts()) {
      const { outlier } = host;
      if (!outlier.ejected) {
        outlier.ejections = Math.max(0, outlier.ejections - 1);
        continue;
      }
      if (time.now() < outlier.ejectedUntil) {
        out++;
        continue;
      }
      outlier.ejected = false;
      outlier.consecutive5xx = 0;
      outlier.consecutiveGateway = 0;
      outlier.consecutiveLocal = 0;
      stats.outlier_detection_ejections_active--;
      changed = true;
    }
    if (out > 0) cancelSweep = time.after(rules?.interval ?? 10_000, sweep);
    if (changed) onChange();
  }

  function answered(host: Host, status: number) {
    const { outlier } = host;
    if (status < 500) {
      outlier.consecutive5xx = 0;
      outlier.consecutiveGateway = 0;
      outlier.consecutiveLocal = 0;
      return;
    }
    const isGateway = status >= 502 && status <= 504;
    outlier.consecutiveGateway = isGateway ? outlier.consecutiveGateway + 1 : 0;
    outlier.consecutive5xx++;
    const gatewayOut = rules?.enforceGateway && outlier.consecutiveGateway >= rules.consecutiveGateway;
    const serverOut = rules?.enforce5xx && outlier.consecutive5xx >= rules.consecutive5xx;
    if (!gatewayOut && !serverOut) return;
    outlier.consecutive5xx = 0;
    outlier.consecutiveGateway = 0;
    eject(host);
  }

  return {
    answered,
    failedLocally(host) {
      // Without the split a broken connection counts like a 503 from the host.
      if (!rules.splitLocal) return answered(host, 503);
      if (++host.outlier.consecutiveLocal >= rules.consecutiveLocal) {
        host.outlier.consecutiveLocal = 0;
        eject(host);
      }
    },
    stop() {
      cancelSweep?.();
      cancelSweep = undefined;
    },
  };
}
