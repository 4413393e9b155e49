/**
 * A compiled CEL expression. Calling it gives the value, or throws with what went wrong while evaluating.
 * Variables are in the form of `toCel`.
 */
export type CelProgram = (variables: Readonly<Record<string, unknown>>) => unknown;

/** What an expression cannot be compiled or evaluated for, in one line and without the excerpt of the source. */
export function celProblem(reason: unknown): string {
  const message = reason instanceof Error ? reason.message : String(reason);
  return message.split("\n", 1)[0] ?? "";
}

type Compile = (expression: string) => CelProgram;

let compiler: Promise<Compile> | undefined;
const programs = new Map<string, CelProgram | Error>();

/** Most expressions that are kept compiled; definitions bring tens, not thousands. */
const mostPrograms = 2000;

/**
 * Compiles an expression of CEL with the functions that Kubernetes adds. The evaluator is loaded with the first
 * expression that anybody needs. Rejects when the expression is no CEL.
 */
export async function compileCel(expression: string): Promise<CelProgram> {
  compiler ??= import("./environment.ts").then(({ createCompiler }) => createCompiler());
  const compile = await compiler;
  let program = programs.get(expression);
  if (program === undefined) {
    try {
      program = compile(expression);
    } catch (reason) {
      program = reason instanceof Error ? reason : new Error(String(reason));
    }
    if (programs.size >= mostPrograms) programs.clear();
    programs.set(expression, program);
  }
  if (program instanceof Error) throw program;
  return program;
}
