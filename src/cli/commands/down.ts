import { rmSync } from "node:fs";
import { IsthmusError } from "../../base/index.ts";
import { connectEngine, openStateFolder } from "../../engine/index.ts";
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
