import type { Socket } from "node:net";
import type { Metrics, Stop } from "../../base/index.ts";

/** The ports of the management plane's processes by what they are for. */
export const managementPorts = {
  /** Agents call the manager. */
  relay: 9900,
  /** /healthz, /readyz and /metrics of either. */
  operations: 8080,
} as const;

/** Binds one of the ports, for as long as the process runs. */
export type Listen = (
  port: keyof typeof managementPorts,
  onConnection: (socket: Socket) => void,
) => Promise<Stop>;

/** A running manager or agent. */
export interface ManagementProcess {
  /** Why it can't do its work now; undefined when it can. */
  notReady(): string | undefined;
  /** What its /metrics page shows. */
  readonly metrics: Metrics;
  stop(): Promise<void>;
}
