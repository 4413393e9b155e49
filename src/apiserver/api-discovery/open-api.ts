import type { Answer, Call } from "../http/call.ts";
import type { Registry } from "../registry/registry.ts";
import { unknownPath } from "../status.ts";

/** Serves the OpenAPI documents under /openapi. */
export interface OpenApi {
  answer(call: Call): Promise<Answer>;
}

export function createOpenApi(_registry: Registry): OpenApi {
  return {
    async answer() {
      throw unknownPath();
    },
  };
}
