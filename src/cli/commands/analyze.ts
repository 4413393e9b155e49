import type { Finding } from "../../checks/index.ts";
import { connectEngine, openStateFolder } from "../../engine/index.ts";
import { type Command, textOption } from "../command.ts";
import { findingLines } from "../finding-lines.ts";
import { stateFolderOf } from "../state-option.ts";

export const analyze: Command = {
  summary:
    "What is wrong in the clusters of the running mesh, effect first. Exit code 1 when there is an error.",
  usage: "analyze [-o json]",
  options: {},
  optionTexts: {},
  async run(input) {
    const { terminal, signal } = input;
    const state = openStateFolder(stateFolderOf(input), { create: false });
    const findings = await connectEngine(state).call<readonly Finding[]>("analyze", {}, signal);
    if (textOption(input, "output") === "json") terminal.print(JSON.stringify(findings, undefined, 2));
    else for (const line of findingLines(findings, terminal.paint)) terminal.print(line);
    return findings.some(({ severity }) => severity === "error") ? 1 : 0;
  },
};
