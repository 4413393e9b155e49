import type { Authorizer } from "../authorization/authorizer.ts";
import { requireNoEscalation } from "../authorization/escalation.ts";
import type { Store } from "../storage/store.ts";
import type { Admission } from "./admission.ts";
import { requireMortal, requireNamespace } from "./namespace-lifecycle.ts";
import { completePod } from "./pod-admission.ts";
import type { Webhooks } from "./webhooks.ts";

/** Kubernetes' own plugins first, as its server orders them, then the webhooks. */
export function createAdmission(parts: {
  readonly store: Store;
  readonly authorizer: Authorizer;
  readonly webhooks: Webhooks;
}): Admission {
  const { store, webhooks } = parts;
  return {
    async mutate(request, draft) {
      const { type, operation, subresource } = request;
      if (operation === "CREATE" && subresource === undefined) {
        requireNamespace(store, type, request.name, request.namespace);
        if (type.storedAs === "pods") await completePod(store, draft, request.signal);
      }
      return webhooks.mutate(request, draft);
    },
    async validate(request, object) {
      if (request.operation === "DELETE") requireMortal(request.type, request.name);
      else if (object !== undefined) requireNoEscalation(parts, request.user, request.type, object);
      await webhooks.validate(request, object);
    },
  };
}
