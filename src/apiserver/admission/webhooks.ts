import { randomUUID } from "node:crypto";
import {
  applyJsonPatch,
  jsonEqual,
  type KubeObject,
  PatchError,
  type Webhook,
  type WebhookConfiguration,
} from "../../kube/index.ts";
import { child, cloneJson, type Draft, isObject, type JsonObject, number, text, texts } from "../draft.ts";
import type { Registry } from "../registry/registry.ts";
import type { ResourceType } from "../registry/resource-type.ts";
import { badRequest, deniedByWebhook, internalError } from "../status.ts";
import { inVersion, toStoredVersion } from "../storage/in-version.ts";
import type { Store } from "../storage/store.ts";
import type { AdmissionRequest } from "./admission.ts";
import { reviewOf } from "./admission-review.ts";
import { conditionsMatch } from "./match-conditions.ts";
import { type WebhookClient, WebhookFailure } from "./webhook-client.ts";
import { matchedType, selectorsMatch } from "./webhook-match.ts";

/** Asks the webhooks that objects of this server configure. */
export interface Webhooks {
  mutate(request: AdmissionRequest, draft: Draft): Promise<Draft>;
  validate(request: AdmissionRequest, object: KubeObject | undefined): Promise<void>;
}

const mutating = "mutatingwebhookconfigurations.admissionregistration.k8s.io";
const validating = "validatingwebhookconfigurations.admissionregistration.k8s.io";
/** Webhooks are never asked about themselves, or nobody could take a broken one away. */
const exempt = new Set([mutating, validating]);

interface Parts {
  readonly store: Store;
  readonly registry: Registry;
  readonly client: WebhookClient;
}

/** Webhooks as the configurations in the store name them at the moment of each request. */
export function createWebhooks(parts: Parts): Webhooks {
  const { store, registry } = parts;
  const wanted = (resource: string, request: AdmissionRequest, object: KubeObject | undefined) =>
    exempt.has(request.type.storedAs)
      ? []
      : (store.resource(resource).list() as readonly WebhookConfiguration[]).flatMap((configuration) =>
          (configuration.webhooks ?? []).flatMap((webhook) => {
            const type = matchedType(registry, webhook, request);
            return type !== undefined && selectorsMatch(store, webhook, request, object)
              ? [{ webhook, type }]
              : [];
          }),
        );

  return {
    async mutate(request, first) {
      let draft = first;
      const hooks = wanted(mutating, request, draft);
      if (hooks.length === 0) return draft;
      const changedAfter = new Map<Webhook, Draft>();
      for (const { webhook, type } of hooks) {
        draft = await askToChange(parts, request, webhook, type, draft);
        changedAfter.set(webhook, draft);
      }
      // Whoever wants to see what others changed after it is asked once more.
      for (const { webhook, type } of hooks)
        if (webhook.reinvocationPolicy === "IfNeeded" && !jsonEqual(changedAfter.get(webhook), draft))
          draft = await askToChange(parts, request, webhook, type, draft);
      return draft;
    },
    async validate(request, object) {
      const hooks = wanted(validating, request, object);
      if (hooks.length === 0) return;
      // All are asked at once; the first refusal in the order of the configurations is the one reported.
      const results = await Promise.allSettled(
        hooks.map(async ({ webhook, type }) => {
          const response = await ask(parts, request, webhook, type, object);
          if (response !== undefined) requireAllowed(webhook, response);
        }),
      );
      for (const result of results) if (result.status === "rejected") throw result.reason;
    },
  };
}

async function askToChange(
  parts: Parts,
  request: AdmissionRequest,
  webhook: Webhook,
  type: ResourceType,
  draft: Draft,
): Promise<Draft> {
  const response = await ask(parts, request, webhook, type, draft);
  if (response === undefined) return draft;
  requireAllowed(webhook, response);
  const patch = text(response, "patch") ?? "";
  if (patch === "") return draft;
  if (text(response, "patchType") !== "JSONPatch")
    throw internalError(`admission webhook ${JSON.stringify(webhook.name)}: unsupported patch type`);
  try {
    const operations: unknown = JSON.parse(Buffer.from(patch, "base64").toString());
    const changed = cloneJson(applyJsonPatch(inVersion(type, draft), operations)) as Draft;
    toStoredVersion(type, changed);
    return changed;
  } catch (reason) {
    if (reason instanceof PatchError || reason instanceof SyntaxError) throw internalError(reason.message);
    throw reason;
  }
}

/** The response of a webhook; undefined when it failed and may be left out. */
async function ask(
  { client }: Parts,
  request: AdmissionRequest,
  webhook: Webhook,
  type: ResourceType,
  object: KubeObject | undefined,
): Promise<JsonObject | undefined> {
  const { name, sideEffects = "", timeoutSeconds = 10, failurePolicy = "Fail" } = webhook;
  const uid = randomUUID();
  const version = (webhook.admissionReviewVersions ?? []).includes("v1") ? "v1" : "v1beta1";
  try {
    const asked = reviewOf(uid, request, type, object);
    const conditions = webhook.matchConditions ?? [];
    if (conditions.length > 0) {
      const matches = await conditionsMatch(conditions, asked);
      if (matches === false) return undefined;
      if (matches !== true) throw new WebhookFailure(matches);
    }
    if (request.dryRun && sideEffects !== "None" && sideEffects !== "NoneOnDryRun")
      throw badRequest(`admission webhook ${JSON.stringify(name)} does not support dry run`);
    const review = { kind: "AdmissionReview", apiVersion: `admission.k8s.io/${version}`, request: asked };
    const answer = await client.post(webhook.clientConfig, review, timeoutSeconds, request.signal);
    const response = isObject(answer) ? child(answer, "response") : undefined;
    if (response === undefined)
      throw new WebhookFailure("failed to call webhook: webhook response was absent");
    if (text(response, "uid") !== uid)
      throw new WebhookFailure(
        `failed to call webhook: received invalid webhook response: expected response.uid=${JSON.stringify(uid)}, got ${JSON.stringify(text(response, "uid") ?? "")}`,
      );
    for (const warning of texts(response, "warnings")) request.warn(warning);
    return response;
  } catch (reason) {
    if (!(reason instanceof WebhookFailure)) throw reason;
    if (failurePolicy === "Ignore") return undefined;
    throw internalError(`failed calling webhook ${JSON.stringify(name)}: ${reason.message}`);
  }
}

function requireAllowed(webhook: Webhook, response: JsonObject): void {
  if (response["allowed"] === true) return;
  const result = child(response, "status");
  const said = text(result, "message") || text(result, "reason");
  const denied = `admission webhook ${JSON.stringify(webhook.name)} denied the request`;
  const message = said === undefined || said === "" ? `${denied} without explanation` : `${denied}: ${said}`;
  const code = number(result, "code") ?? 0;
  throw deniedByWebhook(message, code >= 400 && code < 600 ? code : 400, text(result, "reason"));
}
