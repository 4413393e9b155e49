import { IsthmusError } from "../base/index.ts";
import type { GraphLevel, GraphOptions } from "../telemetry/index.ts";

export const graphLevels: readonly GraphLevel[] = ["workload", "app", "versionedApp", "service", "cluster"];

/** Longest range of a graph, in seconds. */
const maxRange = 24 * 3600;

/** Options of a graph that come from outside. arguments/wrong when one is none; what is missing has its default. */
export function graphOptions(given: unknown): GraphOptions {
  const fields = (given ?? {}) as Readonly<Record<string, unknown>>;
  const level = fields["level"] ?? "workload";
  if (!graphLevels.some((known) => known === level))
    throw wrong(`there is no graph of ${JSON.stringify(level)}`, `One of ${graphLevels.join(", ")}.`);
  const rangeSeconds = fields["rangeSeconds"] ?? 60;
  if (typeof rangeSeconds !== "number" || !(rangeSeconds >= 1 && rangeSeconds <= maxRange))
    throw wrong(`${JSON.stringify(rangeSeconds)} is no range`, `From 1 to ${maxRange} seconds.`);
  const at = fields["at"];
  if (at !== undefined && !Number.isFinite(at))
    throw wrong(`${JSON.stringify(at)} is no time`, "Milliseconds.");
  const [namespaces, clusters] = [names(fields["namespaces"]), names(fields["clusters"])];
  return {
    level: level as GraphLevel,
    rangeSeconds,
    ...(at === undefined ? {} : { at: at as number }),
    ...(namespaces === undefined ? {} : { namespaces }),
    ...(clusters === undefined ? {} : { clusters }),
    withServices: fields["withServices"] === true,
    withIdle: fields["withIdle"] === true,
  };
}

function names(value: unknown): readonly string[] | undefined {
  if (!Array.isArray(value) || value.length === 0) return undefined;
  return value.map(String);
}

function wrong(message: string, nextStep: string): IsthmusError {
  return new IsthmusError("arguments/wrong", message, { nextStep });
}
