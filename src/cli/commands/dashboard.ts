import { IsthmusError } from "../../base/index.ts";
import { connectEngine, type Dashboard, openStateFolder } from "../../engine/index.ts";
import { type Command, textOption } from "../command.ts";
import { stateFolderOf } from "../state-option.ts";

export const dashboard: Command = {
  summary: "The address of a page for people: an add-on's, a proxy's admin interface, istiod's own pages.",
  usage: "dashboard ADDON|POD.NAMESPACE|deploy/NAME.NAMESPACE [--cluster CLUSTER] [-o json]",
  options: { cluster: { type: "string", short: "c" } },
  optionTexts: { cluster: "cluster of the workload, or of the add-on when several have it" },
  async run(input) {
    const { terminal, signal } = input;
    const [target, ...more] = input.positionals;
    if (target === undefined || more.length > 0) {
      throw new IsthmusError("arguments/wrong", "dashboard wants an add-on or a workload", {
        nextStep: `isthmus ${dashboard.usage}`,
      });
    }
    const state = openStateFolder(stateFolderOf(input), { create: false });
    const pages = await connectEngine(state).call<readonly Dashboard[]>(
      "dashboard",
      { target, cluster: textOption(input, "cluster") },
      signal,
    );
    if (textOption(input, "output") === "json") terminal.print(JSON.stringify(pages, undefined, 2));
    else for (const { url } of pages) terminal.print(url);
    return 0;
  },
};
