import type { Clock } from "../../../base/index.ts";
import { typeUrls } from "../../../xds/index.ts";
import { askAdmin } from "./admin-client.ts";
import type { AdsRelay } from "./ads-relay.ts";

/** Whether Envoy serves. */
export interface Readiness {
  readonly isReady: boolean;
  /** Something was relayed: it may be ready now. */
  look(): void;
  /** The process has ended. */
  lost(): void;
  stop(): void;
}

export interface ReadinessOptions {
  readonly relay: Pick<AdsRelay, "types">;
  readonly adminSocket: string;
  /** Resolves when the ports that lead to Envoy are bound. */
  bound(): Promise<void>;
  readonly clock: Clock;
  onChange(): void;
}

/** After these times Envoy is asked again, the last one over and over, milliseconds: it tells nobody when it is done. */
const delays = [3, 5, 10, 20, 40, 80];
const statistics = "/stats?filter=^(listener_manager.workers_started|server.state)$";

/**
 * Ready is an Envoy that took clusters and listeners and whose workers accept connections, as Istio's agent sees it. It
 * is asked only once both were taken, and stays ready until its process ends.
 */
export function watchReadiness(options: ReadinessOptions): Readiness {
  const { types } = options.relay;
  let isReady = false;
  let isAsking = false;
  let isStopped = false;

  const isServing = async () => {
    const answer = await askAdmin(options.adminSocket, statistics, "GET").catch(() => undefined);
    const body = answer?.body ?? "";
    return /workers_started: 1/.test(body) && /server\.state: 0/.test(body);
  };
  /** What was refused before anything was taken leaves Envoy without a configuration. */
  const isTaken = (type: string) => {
    const state = types.get(type);
    return state !== undefined && (state.rejected === undefined || state.version !== "");
  };
  const isConfigured = () => isTaken(typeUrls.cluster) && isTaken(typeUrls.listener);
  const ask = async () => {
    for (let attempt = 0; !isStopped && isConfigured(); attempt++) {
      if (await isServing()) {
        await options.bound();
        isReady = isConfigured() && !isStopped;
        break;
      }
      const delay = delays[Math.min(attempt, delays.length - 1)] ?? 0;
      await new Promise<void>((resolve) => options.clock.after(delay, resolve));
    }
    isAsking = false;
    options.onChange();
  };
  return {
    get isReady() {
      return isReady;
    },
    look() {
      if (isReady || isAsking || isStopped || !isConfigured()) return;
      isAsking = true;
      void ask();
    },
    lost() {
      isReady = false;
      options.onChange();
    },
    stop() {
      isStopped = true;
      isReady = false;
    },
  };
}
