import { parseArgs } from "node:util";
import { errorCodes, IsthmusError, nearestName, version } from "../base/index.ts";
import { type Command, commonOptions } from "./command.ts";
import { commandGroups, commands } from "./command-list.ts";
import { processTerminal, type Terminal } from "./terminal.ts";

async function main(args: readonly string[], terminal: Terminal): Promise<number> {
  const [name, ...rest] = args;
  if (name === "--version" || name === "version") {
    terminal.print(version);
    return 0;
  }
  if (name === undefined || name === "help" || name === "--help" || name === "-h") {
    const asked = rest[0];
    if (asked !== undefined) return main([asked, "--help"], terminal);
    printOverview(terminal);
    return name === undefined ? 3 : 0;
  }
  const entry = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (entry === undefined) throw unknownCommand(name);
  const command = await entry.load();
  const { values, positionals } = parse(command, rest);
  if (values["help"] === true) {
    printHelp(command, terminal);
    return 0;
  }
  const stop = new AbortController();
  let interrupts = 0;
  const interrupt = (signal: NodeJS.Signals) => {
    interrupts++;
    // Whoever asks a third time wants out at any price.
    if (interrupts > 2) process.exit(130);
    stop.abort(new IsthmusError("engine/interrupted", `interrupted by ${signal}`));
  };
  process.on("SIGINT", interrupt);
  process.on("SIGTERM", interrupt);
  return (await command.run({ values, positionals, terminal, signal: stop.signal })) ?? 0;
}

function parse(command: Command, args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: { ...commonOptions, ...command.options },
      allowPositionals: true,
      strict: true,
    });
  } catch (reason) {
    const message = reason instanceof Error ? (reason.message.split(". ")[0] ?? "") : String(reason);
    const wrong = /'(--?[^' ]+)/.exec(message)?.[1]?.replace(/^-+/, "");
    const near =
      wrong === undefined
        ? undefined
        : nearestName(wrong, Object.keys({ ...commonOptions, ...command.options }));
    throw new IsthmusError("arguments/wrong", message, {
      nextStep: near === undefined || near === wrong ? `isthmus ${command.usage}` : `Did you mean --${near}?`,
    });
  }
}

function unknownCommand(name: string): IsthmusError {
  const near = nearestName(name, Object.keys(commands));
  return new IsthmusError("arguments/wrong", `there is no command "${name}"`, {
    nextStep: near === undefined ? "isthmus help lists them." : `Did you mean isthmus ${near}?`,
  });
}

function printOverview(terminal: Terminal): void {
  terminal.print(`isthmus ${version}: one service mesh across many Kubernetes clusters, from one file\n`);
  for (const [group, inIt] of Object.entries(commandGroups)) {
    terminal.print(terminal.paint.bold(group));
    for (const [name, { summary }] of Object.entries(inIt)) terminal.print(`  ${name.padEnd(14)} ${summary}`);
    terminal.print("");
  }
  terminal.print(
    "isthmus help COMMAND tells more. Exit codes: 0 fine, 1 failed, 2 changes pending (plan), 3 wrong file or arguments, 70 a bug in isthmus.",
  );
}

function printHelp(command: Command, terminal: Terminal): void {
  terminal.print(`${command.summary}\n\n  isthmus ${command.usage}\n`);
  const texts: Readonly<Record<string, string>> = {
    ...command.optionTexts,
    state: "state folder (default: .isthmus beside the mesh file)",
    output: command.optionTexts["output"] ?? "json for programs",
  };
  for (const [name, option] of Object.entries({ ...command.options, ...commonOptions })) {
    if (name === "help") continue;
    const short = "short" in option && option.short !== undefined ? `-${option.short}, ` : "    ";
    const value = option.type === "string" ? " VALUE" : "";
    terminal.print(`  ${`${short}--${name}${value}`.padEnd(26)} ${texts[name] ?? ""}`);
  }
}

/** Every failure leaves the command line here, and only here. */
function report(reason: unknown, terminal: Terminal): number {
  const { code, message, nextStep, cause } = IsthmusError.from(reason);
  if (code === "internal") {
    const original = cause instanceof Error ? (cause.stack ?? cause.message) : message;
    terminal.note(`${terminal.paint.bad("✗")} this is a bug in isthmus ${version}:\n${original}`);
  } else if (code === "mesh/wrong") {
    terminal.note(message);
  } else if (code !== "engine/interrupted") {
    terminal.note(`${terminal.paint.bad("✗")} ${message}     ${terminal.paint.dim(code)}`);
    if (nextStep !== undefined) terminal.note(`  ${nextStep}`);
  }
  return errorCodes[code].exit;
}

const terminal = processTerminal();
process.stdout.on("error", (reason: NodeJS.ErrnoException) => {
  // The reader of a pipe went away (head, grep -q): nothing more to say.
  if (reason.code === "EPIPE") process.exit(0);
});
// Everything has ended and is written. Left to itself, Node 20 closes what is still open then, and can spin there for ever over
// a request that never ends: seen in engines with real Envoys.
process.once("beforeExit", (code) => process.exit(code));
// Timers of ours keep no process alive; a command that waits on one still runs.
const running = setInterval(() => {}, 2 ** 30);
main(process.argv.slice(2), terminal)
  .then(
    (code) => {
      process.exitCode = code;
    },
    (reason: unknown) => {
      process.exitCode = report(reason, terminal);
    },
  )
  .finally(() => clearInterval(running));
