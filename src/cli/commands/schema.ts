import { meshJsonSchema } from "../../mesh/index.ts";
import type { Command } from "../command.ts";

export const schema: Command = {
  summary: "Print the mesh file's JSON Schema, for completion and checks in editors.",
  usage: "schema",
  options: {},
  optionTexts: {},
  async run({ terminal }) {
    terminal.print(JSON.stringify(meshJsonSchema(), undefined, 2));
    return 0;
  },
};
