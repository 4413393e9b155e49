/**
 * cli: the command line. One file per command: parse arguments, choose the parts, print.
 *
 * main.ts dispatches and is the only place where a failure becomes text and an exit code; terminal.ts is the only
 * place that writes to the terminal.
 *
 * No logic that another program could want: that belongs below.
 */
export type { Command, CommandInput } from "./command.ts";
