import {
  addMeasured,
  type Flow,
  isIdle,
  type Measured,
  nothing,
  type Party,
  unknown,
  volume,
} from "./read-flows.ts";

/** A flow of which every request is counted once. */
export interface SettledFlow extends Pick<Flow, "source" | "destination" | "service" | "protocol"> {
  readonly measured: Measured;
  /** How much of it came over mutual TLS and how much without, as the side says that knows best. */
  readonly security: Pick<Measured, "secured" | "plain">;
}

/** What is left of requests whose other end one side does not know, below which it is only that sides count at other times. */
const noise = 0.1;

/**
 * Counts each request once, though both ends report it: what the caller reports counts, and what no caller with a proxy
 * reported by the destination. What a side reports of an unknown other end is left out as far as that other end
 * reports it too.
 */
export function settleFlows(flows: readonly Flow[]): readonly SettledFlow[] {
  const pairs = flows.filter(({ source, destination }) => isKnown(source) && isKnown(destination));
  return [
    ...pairs.map((flow) => settled(flow, isIdle(flow.bySource) ? flow.byDestination : flow.bySource)),
    ...flows
      .filter(({ source, destination }) => isKnown(source) && !isKnown(destination))
      .map((flow) => {
        const known = pairs.filter((pair) => isSameCall(pair, flow) && sameParty(pair.source, flow.source));
        const part = flow.isLost ? 1 : unreported(flow, "bySource", known, "byDestination");
        return settled(flow, partOf(flow.bySource, part));
      }),
    ...flows
      .filter(({ source, destination }) => !isKnown(source) && isKnown(destination))
      .map((flow) => {
        const known = pairs.filter(
          (pair) => isSameCall(pair, flow) && sameParty(pair.destination, flow.destination),
        );
        return settled(
          flow,
          partOf(flow.byDestination, unreported(flow, "byDestination", known, "bySource")),
        );
      }),
  ];
}

type Side = "bySource" | "byDestination";

/** The part of a flow's requests that no pair of known ends has reported from the other side. */
function unreported(flow: Flow, side: Side, pairs: readonly Flow[], other: Side): number {
  const all = volume(flow.protocol, flow[side]);
  if (all === 0) return 1;
  const elsewhere = pairs.reduce(
    (sum, pair) => sum + Math.max(0, volume(pair.protocol, pair[other]) - volume(pair.protocol, pair[side])),
    0,
  );
  const left = Math.max(0, all - elsewhere) / all;
  return elsewhere > 0 && left < noise ? 0 : left;
}

function partOf(measured: Measured, part: number): Measured {
  if (part === 1) return measured;
  const scaled = nothing();
  if (part > 0) addMeasured(scaled, measured, part);
  return scaled;
}

function settled(flow: Flow, measured: Measured): SettledFlow {
  const { source, destination, service, protocol, byDestination } = flow;
  const knows = isKnown(source) && byDestination.secured + byDestination.plain > 0;
  const { secured, plain } = knows ? byDestination : measured;
  return { source, destination, service, protocol, measured, security: { secured, plain } };
}

export function isKnown({ workload }: Party): boolean {
  return workload !== unknown;
}

function isSameCall(a: Flow, b: Flow): boolean {
  return a.protocol === b.protocol && a.service.host === b.service.host;
}

function sameParty(a: Party, b: Party): boolean {
  return a.workload === b.workload && a.namespace === b.namespace && a.cluster === b.cluster;
}
