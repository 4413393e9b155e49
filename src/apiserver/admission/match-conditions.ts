import { celProblem, compileCel, toCel } from "../cel/index.ts";
import type { JsonObject } from "../draft.ts";

/** An expression of a webhook that says whether it wants a request. */
export interface MatchCondition {
  readonly name: string;
  readonly expression: string;
}

/**
 * Whether all conditions hold for the request of an admission review, with `object`, `oldObject` and `request` as
 * Kubernetes names them. One that is false decides, whatever the others do; else the text says which one could
 * not be evaluated and why. The authorizer is not among the variables.
 */
export async function conditionsMatch(
  conditions: readonly MatchCondition[],
  request: JsonObject,
): Promise<boolean | string> {
  const { object, oldObject, ...rest } = request;
  const variables = { object: toCel(object), oldObject: toCel(oldObject), request: toCel(rest) };
  let problem: string | undefined;
  for (const { name, expression } of conditions) {
    try {
      const program = await compileCel(expression);
      if (program(variables) !== true) return false;
    } catch (reason) {
      problem ??= `match condition ${JSON.stringify(name)}: ${celProblem(reason)}`;
    }
  }
  return problem ?? true;
}
