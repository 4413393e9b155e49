import { pause, systemClock } from "../base/index.ts";
import { type KubeObject, kinds, parseProtocol } from "../kube/index.ts";
import type { PodRef, VerifyTarget } from "./contracts.ts";
import { planVerification } from "./plan.ts";

/** Requests that were sent while something was changed. */
export interface Losses {
  readonly sent: number;
  /** Those that a service which answered before did not answer. */
  readonly lost: number;
  /** The first of them, in words. */
  readonly failure?: string;
}

interface Cell {
  readonly from: PodRef;
  readonly service: string;
  readonly url: string;
}

/** Between two requests, in milliseconds: what is changed needs the processor too. */
const gap = 10;

/**
 * Sends requests from every cluster to every HTTP service that answers now, and to every name of the mesh that
 * ServiceEntries give to what other clusters export, over fresh connections and so with a new handshake each, for as long as `work` takes. Changes nothing in any cluster. Rejects when `work` does.
 */
export async function countLosses<T>(
  target: VerifyTarget,
  work: () => Promise<T>,
  signal: AbortSignal,
): Promise<{ readonly result: T; readonly losses: Losses }> {
  const cells = await answeringCells(target, signal);
  const over = new AbortController();
  const counting = count(target, cells, over.signal, signal);
  // Its failure is told by `work`'s: a counter that ends early counts nothing that matters.
  counting.catch(() => {});
  const result = await work().finally(() => over.abort());
  return { result, losses: await counting };
}

async function answeringCells(target: VerifyTarget, signal: AbortSignal): Promise<readonly Cell[]> {
  const { services } = await planVerification(target, signal);
  const all = services.flatMap(({ service, url, clients }) =>
    clients.map((from): Cell => ({ from, service, url })),
  );
  for (const { name, client } of target.clusters) {
    const from = all.find((cell) => cell.from.cluster === name)?.from;
    if (from === undefined) continue;
    const { items } = await client.list(kinds.serviceEntries);
    for (const { spec } of items as readonly ServiceEntry[])
      for (const [host, port] of spec.location === "MESH_INTERNAL" ? httpNames(spec) : [])
        all.push({ from, service: host, url: `http://${host}:${port}/` });
  }
  const answers = await Promise.all(all.map(({ from, url }) => target.requests(from, url, 1, signal)));
  return all.filter((_, i) => isAnswer(answers[i]?.[0]?.status ?? 0));
}

interface ServiceEntry extends KubeObject {
  readonly spec: {
    readonly hosts: readonly string[];
    readonly location?: string;
    readonly ports?: readonly { readonly number: number; readonly protocol?: string }[];
  };
}

function httpNames({ hosts, ports = [] }: ServiceEntry["spec"]): readonly (readonly [string, number])[] {
  const port = ports.find(({ protocol }) => parseProtocol(protocol) === "http")?.number;
  return port === undefined ? [] : hosts.map((host) => [host, port] as const);
}

async function count(
  target: VerifyTarget,
  cells: readonly Cell[],
  over: AbortSignal,
  signal: AbortSignal,
): Promise<Losses> {
  let [sent, lost] = [0, 0];
  let first: string | undefined;
  while (!over.aborted && cells.length > 0) {
    for (const { from, service, url } of cells) {
      if (over.aborted) break;
      signal.throwIfAborted();
      const [answer] = await target.requests(from, url, 1, signal);
      const { status, failure = `HTTP ${status}` } = answer ?? { status: 0, failure: "no answer" };
      sent++;
      if (!isAnswer(status)) {
        lost++;
        first ??= `${service} from ${from.name} in ${from.cluster}: ${failure}`;
      }
      await pause(systemClock, gap, over);
    }
  }
  return { sent, lost, ...(first === undefined ? {} : { failure: first }) };
}

/** Of the service or its proxy on purpose: a refusal says that the mesh works. */
function isAnswer(status: number): boolean {
  return status > 0 && status < 500;
}
