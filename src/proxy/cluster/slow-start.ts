import type { Cluster_SlowStartConfig } from "../../xds/gen/envoy/config/cluster/v3/cluster_pb.js";
import { milliseconds } from "../config/wire.ts";
import type { Host } from "./host.ts";

/** How the share of a host grows after it joined its cluster (Envoy's slow start). */
export interface SlowStart {
  /** Milliseconds until a host has its full weight. */
  readonly window: number;
  /** 1 grows evenly, more grows faster at first. */
  readonly aggression: number;
  /** Part of its weight that a host has from the beginning, 0 to 1. */
  readonly least: number;
}

/** Reads a slow start, with Envoy's defaults; undefined without a window. */
export function compileSlowStart(config: Cluster_SlowStartConfig | undefined): SlowStart | undefined {
  const window = milliseconds(config?.slowStartWindow) ?? 0;
  if (window <= 0) return undefined;
  return {
    window,
    aggression: Math.max(config?.aggression?.defaultValue ?? 1, Number.EPSILON),
    least: (config?.minWeightPercent?.value ?? 10) / 100,
  };
}

/** When the last of `hosts` has its full weight, in milliseconds since 1970. */
export function isWarmAt(rules: SlowStart, hosts: readonly Host[]): number {
  return hosts.reduce((latest, host) => Math.max(latest, host.joined), 0) + rules.window;
}

/** What a host's weight is multiplied by at a time. */
export function warmth({ window, aggression, least }: SlowStart, joined: number, now: number): number {
  const age = now - joined;
  if (age >= window) return 1;
  return Math.max(least, (Math.max(age, 1) / window) ** (1 / aggression));
}
