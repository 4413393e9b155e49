import { IsthmusError } from "../../base/index.ts";
import type { Action, WorkloadId } from "../api.ts";

/** An action that came from outside. arguments/wrong when a field is missing or of the wrong type. */
export function parseAction(given: unknown): Action {
  const body = fields(given);
  switch (body["kind"]) {
    case "shift":
      return { kind: "shift", ...serviceOf(body), weights: numbers(body["weights"]) };
    case "fault": {
      const { delay, abort } = body;
      return {
        kind: "fault",
        ...serviceOf(body),
        ...(delay === undefined
          ? {}
          : {
              delay: { percentage: number(delay, "percentage"), milliseconds: number(delay, "milliseconds") },
            }),
        ...(abort === undefined
          ? {}
          : { abort: { percentage: number(abort, "percentage"), status: number(abort, "status") } }),
      };
    }
    case "scale":
      return { kind: "scale", workload: workloadOf(body["workload"]), replicas: number(body, "replicas") };
    case "cluster":
      return {
        kind: "cluster",
        cluster: text(body, "cluster"),
        wanted: oneOf(body, "wanted", ["running", "stopped"]),
      };
    case "link": {
      const { between } = body;
      const [a, b] = Array.isArray(between) ? (between as readonly unknown[]) : [];
      if (typeof a !== "string" || typeof b !== "string" || a === b) throw wrong("between", "two clusters");
      return { kind: "link", between: [a, b], wanted: oneOf(body, "wanted", ["cut", "whole"]) };
    }
    case "load":
      return {
        kind: "load",
        from: workloadOf(body["from"]),
        url: anyText(body, "url", 2048),
        rate: number(body, "rate"),
        seconds: number(body, "seconds"),
        connections: number(body, "connections"),
      };
    case "end-load":
      return { kind: "end-load", id: text(body, "id") };
    case "fix":
      return { kind: "fix", finding: anyText(body, "finding", 4096) };
    default:
      throw wrong("kind", "shift, fault, scale, cluster, link, load, end-load or fix");
  }
}

function fields(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new IsthmusError("arguments/wrong", "an action is a JSON object");
  return value as Readonly<Record<string, unknown>>;
}

function serviceOf(body: unknown): { readonly namespace: string; readonly service: string } {
  return { namespace: text(body, "namespace"), service: text(body, "service") };
}

function workloadOf(value: unknown): WorkloadId {
  return {
    cluster: text(value, "cluster"),
    namespace: text(value, "namespace"),
    kind: text(value, "kind"),
    name: text(value, "name"),
  };
}

/** Names of objects: what Kubernetes takes for one. */
function text(value: unknown, field: string): string {
  const found = fields(value)[field];
  if (typeof found !== "string" || !/^[A-Za-z0-9]([-A-Za-z0-9.]{0,251}[A-Za-z0-9])?$/.test(found))
    throw wrong(field, "a name");
  return found;
}

function anyText(value: unknown, field: string, most: number): string {
  const found = fields(value)[field];
  if (typeof found !== "string" || found.length > most)
    throw wrong(field, `a text of at most ${most} letters`);
  return found;
}

function number(value: unknown, field: string): number {
  const found = fields(value)[field];
  if (typeof found !== "number" || !Number.isFinite(found)) throw wrong(field, "a number");
  return found;
}

function numbers(value: unknown): Readonly<Record<string, number>> {
  const found = fields(value);
  for (const name of Object.keys(found)) number(found, name);
  return found as Readonly<Record<string, number>>;
}

function oneOf<const T extends string>(value: unknown, field: string, known: readonly T[]): T {
  const found = known.find((one) => one === fields(value)[field]);
  if (found === undefined) throw wrong(field, known.join(" or "));
  return found;
}

function wrong(field: string, wanted: string): IsthmusError {
  return new IsthmusError("arguments/wrong", `the action's ${field} is to be ${wanted}`);
}
