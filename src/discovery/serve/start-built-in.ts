import type { Discovery, DiscoveryOptions } from "../contracts.ts";
import { startDiscovery as start } from "./start-discovery.ts";

/** Starts a control plane: see start-discovery.ts. */
export function startDiscovery(options: DiscoveryOptions): Promise<Discovery> {
  return start(options, {
    createInjection: () => () => {
      throw new RangeError("injection is not built in yet");
    },
    startUpkeep() {},
  });
}
