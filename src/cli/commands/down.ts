import { rmSync } from "node:fs";
import { createRetry, IsthmusError, systemClock } from "../../base/index.ts";
import { connectEngine, openStateFolder, type StateFolder } from "../../engine/index.ts";
import type { Command } from "../command.ts";
import { stateFolderOf } from "../state-option.ts";

export const down: Command = {
  summary: "End the running mesh of a state folder; its data is kept.",
  usage: "down [--state DIR] [--purge]",
  options: { purge: { type: "boolean" } },
  optionTexts: { purge: "delete the state folder as well: keys, addresses, objects" },
  async run(input) {
    const { terminal, signal } = input;
    const folder = stateFolderOf(input);
    const state = openStateFolder(folder, { create: false });
    try {
      const { name } = await connectEngine(state).call<{ name: string }>("stop", {}, signal);
      await untilEnded(state, signal);
      terminal.note(`${name} ended; its data is kept in ${folder}`);
    } catch (reason) {
      if (
        !(reason instanceof IsthmusError && reason.code === "engine/not-running") ||
        input.values["purge"] !== true
      )
        throw reason;
    }
    if (input.values["purge"] === true) {
      rmSync(folder, { recursive: true, force: true });
      terminal.note(`removed ${folder}`);
    }
    return 0;
  },
};

/** Milliseconds; pods have half a minute to end. */
const patience = 60_000;

/** Waits until the engine has left the folder, so that the next one can have it. */
async function untilEnded(state: StateFolder, signal: AbortSignal): Promise<void> {
  const retry = createRetry(systemClock, { first: 10, most: 200 });
  const until = systemClock.now() + patience;
  while (state.holder !== undefined) {
    if (systemClock.now() > until)
      throw new IsthmusError(
        "engine/stop-timed-out",
        `process ${state.holder} of ${state.path} is still ending`,
        {
          nextStep: `${state.log} may say what it waits for.`,
        },
      );
    await retry.wait(signal);
  }
}
