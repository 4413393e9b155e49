import type { Discovery, DiscoveryOptions } from "../contracts.ts";
import { createInjectionHandler } from "./injection/create-injection-handler.ts";
import { startDiscovery as start } from "./start-discovery.ts";
import { startUpkeep } from "./upkeep/start-upkeep.ts";

/** Starts a control plane: see start-discovery.ts. */
export function startDiscovery(options: DiscoveryOptions): Promise<Discovery> {
  return start(options, { createInjection: createInjectionHandler, startUpkeep });
}
