import type { Downstream } from "../http/codec.ts";
import type { HttpChain } from "../http/http-chain.ts";
import type { HttpStats } from "./http-stats.ts";
import type { Direction, ProxyRuntime } from "./runtime.ts";

/** One downstream HTTP connection, as its exchanges see it. */
export interface HttpConnection {
  readonly runtime: ProxyRuntime;
  readonly chain: HttpChain;
  readonly chainName: string;
  readonly stats: HttpStats;
  readonly downstream: Downstream;
  readonly direction: Direction;
  /** x-forwarded-client-cert's element for this client, made once. */
  readonly xfcc: string | undefined;
}
