import type { ParseArgsConfig } from "node:util";
import type { Terminal } from "./terminal.ts";

/** What a command is run with. */
export interface CommandInput {
  readonly values: Readonly<Record<string, string | boolean | (string | boolean)[] | undefined>>;
  readonly positionals: readonly string[];
  readonly terminal: Terminal;
  /** Aborts on Ctrl-C and SIGTERM. */
  readonly signal: AbortSignal;
}

/** One command of the command line. `run` returns the exit code, 0 when absent. */
export interface Command {
  readonly summary: string;
  /** After "isthmus", for example "up [FILE] [options]". */
  readonly usage: string;
  readonly options: NonNullable<ParseArgsConfig["options"]>;
  /** A line per option, by its long name. */
  readonly optionTexts: Readonly<Record<string, string>>;
  run(input: CommandInput): Promise<number | undefined>;
}

/** Options of every command. */
export const commonOptions = {
  state: { type: "string" },
  output: { type: "string", short: "o" },
  help: { type: "boolean", short: "h" },
} as const;

/** The text value of an option; undefined when it was not given. */
export function textOption(input: CommandInput, name: string): string | undefined {
  const value = input.values[name];
  return typeof value === "string" ? value : undefined;
}

/** All text values of a repeatable option. */
export function textOptions(input: CommandInput, name: string): readonly string[] {
  const value = input.values[name];
  if (Array.isArray(value)) return value.map(String);
  return typeof value === "string" ? [value] : [];
}
