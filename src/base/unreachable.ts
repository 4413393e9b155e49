/** Marks a branch that the types rule out. Adding a variant makes callers fail to compile. */
export function unreachable(value: never): never {
  throw new Error(`unreachable: ${JSON.stringify(value)}`);
}
