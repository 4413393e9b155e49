import { type Diagnostic, nearestName } from "../../base/index.ts";

/** A Diagnostic that knows its field but not yet its place in the text. */
export interface Finding extends Omit<Diagnostic, "range"> {
  /** What to mark: the field's value (default) or its name. */
  readonly part?: "key" | "value";
}

/** An error at `path`. */
export function error(
  code: Finding["code"],
  path: Finding["path"],
  message: string,
  hint?: string,
  part?: Finding["part"],
): Finding {
  return {
    severity: "error",
    code,
    path,
    message,
    ...(hint === undefined ? {} : { hint }),
    ...(part === undefined ? {} : { part }),
  };
}

/** A warning at `path`. */
export function warning(...[code, path, message, hint, part]: Parameters<typeof error>): Finding {
  return { ...error(code, path, message, hint, part), severity: "warning" };
}

/** "did you mean …" when a known name is near, else the names there are. */
export function nameHint(wanted: string, known: Iterable<string>): string {
  const names = [...known];
  const near = nearestName(wanted, names);
  return near === undefined ? `there are: ${names.join(", ")}` : `did you mean "${near}"?`;
}

/** That `path` names a cluster which is not there. */
export function unknownCluster(
  path: Finding["path"],
  name: string,
  names: ReadonlySet<string>,
  part?: "key",
): Finding {
  return error("mesh/unknown-cluster", path, `no cluster is called "${name}"`, nameHint(name, names), part);
}
