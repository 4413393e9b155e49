/**
 * Replaces $(NAME) by the variable of that name, as Kubernetes does in env values, command and args:
 * "$$" is a plain "$", and a reference to an unknown variable stays as it is.
 */
export function expandVariables(text: string, variables: Readonly<Record<string, string>>): string {
  return text.replaceAll(/\$\$|\$\(([^)]*)\)/g, (match, name: string | undefined) => {
    if (match === "$$") return "$";
    return name !== undefined && Object.hasOwn(variables, name) ? (variables[name] ?? "") : match;
  });
}
