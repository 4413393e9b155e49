import { groupVersion, type KubeObject, matchesLabelSelector } from "../../../kube/index.ts";
import { celProblem, compileCel, toCel } from "../../cel/index.ts";
import type { JsonObject } from "../../draft.ts";
import type { Registry } from "../../registry/registry.ts";
import { inVersion } from "../../storage/in-version.ts";
import type { Store } from "../../storage/store.ts";
import { keyOf } from "../../verbs/context.ts";
import { conditionsMatch } from "../match-conditions.ts";
import type { Binding, Policy, Validation } from "./policy-objects.ts";

/** Something that a policy has against a request. */
export interface Objection {
  readonly message: string;
  readonly reason: string | undefined;
}

type Variables = Readonly<Record<string, unknown>>;

/**
 * What one policy has against a request, as one of its bindings applies it: once for each object of parameters. What
 * can't be evaluated is an objection, too, unless the policy ignores failures.
 */
export async function evaluatePolicy(
  parts: { readonly store: Store; readonly registry: Registry },
  policy: Policy,
  binding: Binding,
  asked: JsonObject,
): Promise<readonly Objection[]> {
  const { object, oldObject, ...request } = asked;
  const { spec = {} } = policy;
  const failures: Objection[] = [];
  const failed = (message: string) => {
    if ((spec.failurePolicy ?? "Fail") === "Fail") failures.push({ message, reason: undefined });
  };
  const matches = await conditionsMatch(spec.matchConditions ?? [], asked);
  if (matches === false) return [];
  if (matches !== true) {
    failed(matches);
    return failures;
  }
  const params = paramsOf(parts, policy, binding, String(asked["namespace"] ?? ""));
  if (typeof params === "string") {
    failed(params);
    return failures;
  }
  const namespace = parts.store.resource("namespaces").get(String(asked["namespace"] ?? ""));
  const objections: Objection[] = [];
  for (const param of params) {
    const variables = await withNamed(spec.variables ?? [], {
      object: toCel(object),
      oldObject: toCel(oldObject),
      request: toCel(request),
      params: toCel(param ?? null),
      namespaceObject: toCel(namespace ?? null),
    });
    for (const validation of spec.validations ?? []) {
      const expression = validation.expression.trim();
      try {
        if ((await compileCel(validation.expression))(variables) !== true)
          objections.push({ message: await messageOf(validation, variables), reason: validation.reason });
      } catch (reason) {
        failed(`expression '${expression}' resulted in error: ${celProblem(reason)}`);
      }
    }
  }
  return [...objections, ...failures];
}

/** Adds `variables.NAME`, each evaluated when it is first used: one that fails hurts only those that use it. */
async function withNamed(
  named: readonly { readonly name: string; readonly expression: string }[],
  variables: Variables,
): Promise<Variables> {
  const values = {};
  const all = { ...variables, variables: values };
  for (const { name, expression } of named) {
    const program = await compileCel(expression).catch((reason: unknown) => () => {
      throw reason;
    });
    let known: { readonly value: unknown } | undefined;
    Object.defineProperty(values, name, {
      enumerable: true,
      get() {
        known ??= { value: program(all) };
        return known.value;
      },
    });
  }
  return all;
}

async function messageOf({ expression, message, messageExpression }: Validation, variables: Variables) {
  if (messageExpression !== undefined) {
    try {
      const made = (await compileCel(messageExpression))(variables);
      if (typeof made === "string" && made.trim() !== "" && !made.includes("\n")) return made.trim();
    } catch {
      // Kubernetes falls back to the fixed message, too.
    }
  }
  const fixed = (message ?? "").trim();
  return fixed === "" ? `failed expression: ${expression.trim()}` : fixed;
}

/** The objects of parameters that a binding names, one undefined for none; a text when they should be there. */
function paramsOf(
  { store, registry }: { readonly store: Store; readonly registry: Registry },
  { spec }: Policy,
  binding: Binding,
  requestNamespace: string,
): readonly (KubeObject | undefined)[] | string {
  const paramRef = binding.spec?.paramRef;
  if (spec?.paramKind === undefined || paramRef === undefined) return [undefined];
  const { apiVersion = "", kind = "" } = spec.paramKind;
  const { group, version } = groupVersion(apiVersion);
  const type = registry.findKind(group, version, kind);
  if (type === undefined)
    return `failed to configure policy: failed to find resource referenced by paramKind: '${apiVersion}, Kind=${kind}'`;
  const resource = store.resource(type.storedAs);
  const namespace = type.namespaced ? (paramRef.namespace ?? requestNamespace) : undefined;
  const { name, selector } = paramRef;
  const found =
    name === undefined
      ? resource.list(namespace).filter(({ metadata }) => matchesLabelSelector(selector, metadata.labels))
      : [resource.get(keyOf(name, namespace))].filter((one) => one !== undefined);
  if (found.length > 0) return found.map((one) => inVersion(type, one));
  return paramRef.parameterNotFoundAction === "Allow"
    ? []
    : "failed to configure binding: no params found for policy binding with `Deny` parameterNotFoundAction";
}
