/** A place in a text file. Lines and columns count from 1; `end` is exclusive. */
export interface SourceRange {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly endColumn: number;
  /** The whole source line, for showing it. */
  readonly text: string;
  /** The line before it, when there is one. */
  readonly before?: string;
}

/** One thing the user should know about a file that they wrote. Never thrown. */
export interface Diagnostic {
  readonly severity: "error" | "warning";
  /** Stable, documented in docs/diagnostics.md, for example "mesh/unknown-network". */
  readonly code: `${string}/${string}`;
  /** Where: a path into the file, for example ["clusters", "east", "network"]. */
  readonly path: readonly (string | number)[];
  /** What is wrong, in the user's words. One sentence. */
  readonly message: string;
  /** What to do about it. */
  readonly hint?: string;
  /** Where it stands in the text, when the file was read from text. */
  readonly range?: SourceRange;
}

/** Whether one of the diagnostics forbids going on. */
export function hasErrors(diagnostics: readonly Diagnostic[]): boolean {
  return diagnostics.some((diagnostic) => diagnostic.severity === "error");
}

/** The diagnostics as a person reads them: place and code, the source line, a mark under the culprit, the way out. */
export function formatDiagnostics(diagnostics: readonly Diagnostic[]): string {
  return diagnostics.map(formatOne).join("\n");
}

function formatOne({ severity, code, path, message, hint, range }: Diagnostic): string {
  const says = hint === undefined ? message : `${message}; ${hint}`;
  const label = severity === "warning" ? `warning ${code}` : code;
  if (range === undefined) return `${path.join(".")}  ${label}\n  ${says}`;
  const width = String(range.line).length;
  const gutter = (line: number | "") => `  ${String(line).padStart(width)} │ `;
  const mark = `${" ".repeat(range.column - 1)}${"^".repeat(Math.max(1, range.endColumn - range.column))}`;
  return [
    `${range.file}:${range.line}:${range.column}  ${label}`,
    ...(range.before === undefined ? [] : [`${gutter(range.line - 1)}${range.before}`]),
    `${gutter(range.line)}${range.text}`,
    `${gutter("")}${mark} ${says}`,
  ].join("\n");
}
