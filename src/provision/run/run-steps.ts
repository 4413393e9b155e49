import { createHash } from "node:crypto";
import { IsthmusError } from "../../base/index.ts";
import type { ProvisionStep } from "../contracts.ts";

/** What became of a command. */
export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  /** Both outputs in the order in which they came; its end is shown when the command fails. */
  readonly said: string;
}

export interface RunOptions {
  readonly steps: readonly ProvisionStep[];
  /** As in Provisioning. */
  readonly files: ReadonlyMap<string, string>;
  /** Runs a program to its end. Rejects with tool/missing when it is not installed. `line` is told what it says meanwhile. */
  run(command: readonly string[], line: (text: string) => void): Promise<CommandResult>;
  /** What was done before, by the steps' fingerprints, with what they gave. */
  readonly done: ReadonlyMap<string, string>;
  /** Told when a step is done: writes it down. */
  finished(fingerprint: string, gave: string): void;
  readonly progress: ProvisionProgress;
  readonly signal: AbortSignal;
}

/** Where progress is shown. */
export interface ProvisionProgress {
  started(step: ProvisionStep, position: string): void;
  /** The last line that the tool said. */
  says(step: ProvisionStep, line: string): void;
  ended(step: ProvisionStep, how: "done" | "done before" | "there already" | "failed"): void;
}

/** Most characters of what a tool said that are shown when it fails. */
const mostSaid = 2000;

/**
 * Runs the steps one after the other and stops at the first failure (tool/failed, with the tool's own words and what may
 * help). A step that was done before, with the same command, is not run again; nor is one whose result is there already.
 */
export async function runSteps(options: RunOptions): Promise<void> {
  const { steps, done, progress, signal } = options;
  const given = new Map<string, string>();
  for (const [index, step] of steps.entries()) {
    signal.throwIfAborted();
    const command = step.command.map((word) => fillIn(word, given));
    const fingerprint = fingerprintOf(step, command, options);
    progress.started(step, `${index + 1} of ${steps.length}`);
    const before = done.get(fingerprint);
    if (before !== undefined) {
      if (step.gives !== undefined) given.set(step.gives, before);
      progress.ended(step, "done before");
      continue;
    }
    if (step.present !== undefined && (await isPresent(step.present, given, options))) {
      options.finished(fingerprint, "");
      progress.ended(step, "there already");
      continue;
    }
    const result = await options
      .run(command, (line) => progress.says(step, line))
      .catch((reason: unknown) => {
        progress.ended(step, "failed");
        throw reason;
      });
    signal.throwIfAborted();
    if (result.code !== 0) {
      progress.ended(step, "failed");
      throw failed(step, command, result, `${index + 1} of ${steps.length}`);
    }
    const gave = result.stdout.trim();
    if (step.gives !== undefined) {
      if (gave === "")
        throw failed(
          step,
          command,
          { ...result, said: "it printed nothing" },
          `${index + 1} of ${steps.length}`,
        );
      given.set(step.gives, gave);
    }
    options.finished(fingerprint, step.gives === undefined ? "" : gave);
    progress.ended(step, "done");
  }
}

/** Says the same of a step as long as it would make the same. */
function fingerprintOf(
  { id, reads }: ProvisionStep,
  command: readonly string[],
  { files }: RunOptions,
): string {
  const text = reads === undefined ? undefined : files.get(reads);
  const digest = text === undefined ? "" : createHash("sha256").update(text).digest("hex").slice(0, 16);
  return [id, JSON.stringify(command), digest].join(" ").trimEnd();
}

async function isPresent(
  command: readonly string[],
  given: ReadonlyMap<string, string>,
  { run }: RunOptions,
): Promise<boolean> {
  const { code } = await run(
    command.map((word) => fillIn(word, given)),
    () => {},
  );
  return code === 0;
}

function fillIn(word: string, given: ReadonlyMap<string, string>): string {
  return word.replaceAll(/\$\{([A-Z_0-9]+)\}/g, (whole, name: string) => given.get(name) ?? whole);
}

function failed(
  step: ProvisionStep,
  command: readonly string[],
  { code, said }: CommandResult,
  position: string,
): IsthmusError {
  const words = said.trim().slice(-mostSaid);
  return new IsthmusError(
    "tool/failed",
    `${step.cluster}: could not ${step.title}: ${command[0]} ended with ${code}\n${words.replace(/^/gm, "  | ")}`,
    { nextStep: `${step.nextStep}\n  Then run this again: it goes on at step ${position}.` },
  );
}
