import { rmSync } from "node:fs";
import { createRetry, IsthmusError, systemClock } from "../../base/index.ts";
import { connectEngine, openStateFolder, type StateFolder } from "../../engine/index.ts";
import type { Command } from "../command.ts";
import { meshOptions, meshOptionTexts } from "../read-mesh.ts";
import { stateFolderOf } from "../state-option.ts";

export const down: Command = {
  summary:
    "End the running mesh of a state folder; its data is kept. With --real: take everything of ours out of the real clusters of a mesh file, and show that nothing is left.",
  usage:
    "down [--state DIR] [--purge], or down --real [FILE] [--kubeconfig FILE] [--namespaces] [--yes] [-o json]",
  options: {
    ...meshOptions,
    purge: { type: "boolean" },
    real: { type: "boolean" },
    kubeconfig: { type: "string" },
    namespaces: { type: "boolean" },
    yes: { type: "boolean", short: "y" },
    timeout: { type: "string" },
  },
  optionTexts: {
    ...meshOptionTexts,
    purge: "delete the state folder as well: keys, addresses, objects",
    real: "of the clusters that the mesh file names, reached by their contexts",
    kubeconfig: "where the contexts are (default: $KUBECONFIG, then ~/.kube/config)",
    namespaces: "also the namespaces that the mesh file lists, where nothing of others is in them",
    yes: "without asking",
    timeout: "seconds until everything has to be gone (default 300)",
  },
  async run(input) {
    if (input.values["real"] === true) return (await import("./down-real.ts")).downReal(input);
    const [wrong] = ["kubeconfig", "namespaces", "yes", "timeout", "file", "set"].filter(
      (name) => input.values[name] !== undefined,
    );
    if (wrong !== undefined || input.positionals.length > 0)
      throw new IsthmusError(
        "arguments/wrong",
        `${wrong === undefined ? "a FILE" : `--${wrong}`} is about real clusters, and --real was not given`,
        {
          nextStep:
            "isthmus down ends the mesh on this machine; isthmus down --real FILE is for real clusters.",
        },
      );
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
