import path from "node:path";
import { IsthmusError, systemClock } from "../../base/index.ts";
import { createTrust } from "../../ca/index.ts";
import { type Command, textOption, textOptions } from "../command.ts";

export const trust: Command = {
  summary:
    "Create a root and intermediates in Istio's four-file form (ca-cert, ca-key, root-cert, cert-chain).",
  usage: "trust create DIR [--cluster NAME]... [--mesh NAME]",
  options: { cluster: { type: "string", multiple: true }, mesh: { type: "string" } },
  optionTexts: {
    cluster: "an intermediate of its own for this cluster, in DIR/NAME (repeatable)",
    mesh: "name in the certificates' subjects (default: mesh)",
  },
  async run(input) {
    const [action, folder, ...more] = input.positionals;
    if (action !== "create" || folder === undefined || more.length > 0) {
      throw new IsthmusError("arguments/wrong", "trust knows one action: create DIR", {
        nextStep: `isthmus ${trust.usage}`,
      });
    }
    const places = createTrust(path.resolve(folder), {
      mesh: textOption(input, "mesh") ?? "mesh",
      clusters: textOptions(input, "cluster"),
      now: systemClock.now(),
    });
    for (const place of places) input.terminal.print(path.relative(process.cwd(), place) || ".");
    input.terminal.note(
      `root-key.pem in ${folder} can sign for every cluster: keep it offline, never in git.`,
    );
    return 0;
  },
};
