/** The process of the proxies: any number of ADS streams, and when each of them held what a change brought. */
import { typeUrls } from "../../src/xds/index.ts";
import { answerRequests, monotonic } from "../process.ts";
import { type AdsClient, type FollowUps, openAdsClient, type Protocol } from "./ads-client.ts";

export type ClientRequest =
  | {
      readonly do: "connect";
      readonly port: number;
      readonly count: number;
      readonly workloads: number;
      readonly protocol: Protocol;
    }
  /** From now on, note when each stream gets a response of `type` with this text in it. */
  | { readonly do: "expect"; readonly marker: string; readonly type: keyof typeof typeUrls }
  /** Resolves when all streams have it. */
  | { readonly do: "arrivals" }
  | { readonly do: "disconnect" };

export interface Connected {
  readonly milliseconds: number;
  readonly bytes: number;
}

export interface Arrivals {
  /** Monotonic milliseconds, in no order. */
  readonly times: readonly number[];
  readonly bytes: number;
}

let clients: AdsClient[] = [];
let marker = Buffer.from("");
let markerType = "";
let bytes = 0;
let arrived: (number | undefined)[] = [];
let missing = 0;
let allArrived = () => {};
let arrivals = Promise.resolve();

answerRequests<ClientRequest>(async (request) => {
  switch (request.do) {
    case "connect":
      return connectAll(request);
    case "expect":
      marker = Buffer.from(request.marker);
      markerType = typeUrls[request.type];
      bytes = 0;
      arrived = clients.map(() => undefined);
      missing = clients.length;
      arrivals = new Promise((resolve) => {
        allArrived = resolve;
      });
      return undefined;
    case "arrivals": {
      const late = setTimeout(() => {
        console.error(`  ${missing} of ${clients.length} clients still wait for ${marker}`);
        process.exit(1);
      }, 60_000);
      await arrivals;
      clearTimeout(late);
      return { times: arrived.flatMap((time) => time ?? []), bytes } satisfies Arrivals;
    }
    case "disconnect":
      for (const client of clients.splice(0)) client.end();
      return undefined;
  }
});

async function connectAll({
  port,
  count,
  workloads,
  protocol,
}: Extract<ClientRequest, { readonly do: "connect" }>): Promise<Connected> {
  const followUps: FollowUps = new Map();
  const began = monotonic();
  bytes = 0;
  missing = 0;
  clients = Array.from({ length: count }, (_, pod) =>
    openAdsClient({
      port,
      protocol,
      pod,
      workloads,
      followUps,
      onMessage(message, typeUrl) {
        bytes += message.length;
        if (missing === 0 || typeUrl !== markerType || arrived[pod] !== undefined) return;
        if (Buffer.from(message.buffer, message.byteOffset, message.byteLength).indexOf(marker) < 0) return;
        arrived[pod] = monotonic();
        if (--missing === 0) allArrived();
      },
    }),
  );
  await Promise.all(clients.map(({ configured }) => configured));
  return { milliseconds: monotonic() - began, bytes };
}
