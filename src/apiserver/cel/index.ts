/**
 * cel: the Common Expression Language as Kubernetes uses it.
 *
 * compileCel compiles an expression once and keeps it; toCel turns JSON into the values that expressions see. The
 * evaluator is loaded when the first expression is needed. Estimated costs are not counted; what an expression
 * may say is bounded instead.
 */
export { type CelProgram, celProblem, compileCel } from "./cel.ts";
export { toCel } from "./to-cel.ts";
