import { IsthmusError } from "../../base/index.ts";
import { connectEngine, openStateFolder } from "../../engine/index.ts";
import { type Command, textOption } from "../command.ts";
import { stateFolderOf } from "../state-option.ts";

export const consoleCommand: Command = {
  summary: "The address of the mesh's pages, with the token that opens them.",
  usage: "console [-o json]",
  options: {},
  optionTexts: {},
  async run(input) {
    const { terminal, signal } = input;
    if (input.positionals.length > 0)
      throw new IsthmusError("arguments/wrong", "console takes no arguments", {
        nextStep: `isthmus ${consoleCommand.usage}`,
      });
    const state = openStateFolder(stateFolderOf(input), { create: false });
    const pages = await connectEngine(state).call<{ readonly url: string; readonly isWantedPort: boolean }>(
      "console",
      {},
      signal,
    );
    if (textOption(input, "output") === "json") terminal.print(JSON.stringify(pages, undefined, 2));
    else {
      terminal.print(pages.url);
      if (!pages.isWantedPort) terminal.note("  port 20001 is taken, so this is the next free one");
    }
    return 0;
  },
};
