import type { Clock } from "../../base/index.ts";
import type { KubeObject } from "../../kube/index.ts";
import type { Authorizer } from "../authorization/authorizer.ts";
import { requireNoEscalation } from "../authorization/escalation.ts";
import type { AdmissionPlugin } from "../contracts.ts";
import { type Draft, draftOf } from "../draft.ts";
import type { Registry } from "../registry/registry.ts";
import type { Store } from "../storage/store.ts";
import { keyOf } from "../verbs/context.ts";
import type { Admission } from "./admission.ts";
import { completeClaim } from "./claim-admission.ts";
import { requireWithinLimits, setLimitDefaults } from "./limit-ranges.ts";
import { requireMortal, requireNamespace } from "./namespace-lifecycle.ts";
import { completePod } from "./pod-admission.ts";
import { requirePolicies } from "./policies/policies.ts";
import { chargeQuotas } from "./quotas.ts";
import type { Webhooks } from "./webhooks.ts";

/** Kubernetes' own plugins first, as its server orders them, then the webhooks. */
export function createAdmission(parts: {
  readonly store: Store;
  readonly registry: Registry;
  readonly clock: Clock;
  readonly authorizer: Authorizer;
  readonly webhooks: Webhooks;
  readonly plugins: readonly AdmissionPlugin[];
}): Admission {
  const { store, webhooks, plugins } = parts;
  const find = (resource: string, name: string, namespace?: string) =>
    store.resource(resource).get(keyOf(name, namespace));
  /** The draft as the plugins leave it. */
  const complete = (resource: string, draft: Draft): Draft => {
    let object: KubeObject = draft;
    for (const plugin of plugins) if (plugin.resource === resource) object = plugin.complete(object, find);
    return object === draft ? draft : draftOf(object);
  };
  return {
    async mutate(request, draft) {
      const { type, operation, subresource } = request;
      if (operation === "CREATE" && subresource === undefined) {
        requireNamespace(store, type, request.name, request.namespace);
        if (type.storedAs === "persistentvolumeclaims") completeClaim(store, draft);
        if (type.storedAs === "pods") {
          setLimitDefaults(store, draft);
          await completePod(store, draft, request);
          const changed = await webhooks.mutate(request, complete(type.storedAs, draft));
          // Containers that a webhook added fall under the limits as well.
          if (changed !== draft) setLimitDefaults(store, changed);
          return changed;
        }
        return webhooks.mutate(request, complete(type.storedAs, draft));
      }
      return webhooks.mutate(request, draft);
    },
    async validate(request, object) {
      if (request.operation === "DELETE") requireMortal(request.type, request.name);
      else if (object !== undefined) {
        requireNoEscalation(parts, request.user, request.type, object);
        requireWithinLimits(store, request, object);
      }
      await requirePolicies(parts, request, object);
      await webhooks.validate(request, object);
    },
    charge(request, object) {
      chargeQuotas(store, request, object, parts.clock.now());
    },
  };
}
