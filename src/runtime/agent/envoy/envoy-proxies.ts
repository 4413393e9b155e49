import type { StartProxy } from "../contracts.ts";
import { createEnvoyHost } from "./envoy-host.ts";

/** Runs a real Envoy for every proxy: `binary` is the path of the program. All of them end with this process. */
export function createEnvoyProxies(binary: string): StartProxy {
  const host = createEnvoyHost();
  return async (options) => {
    const { startEnvoy } = await import("./start-envoy.ts");
    return startEnvoy({ ...options, binary, host });
  };
}
