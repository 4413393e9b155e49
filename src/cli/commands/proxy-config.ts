import { IsthmusError } from "../../base/index.ts";
import { type ConfigTable, connectEngine, openStateFolder, proxyConfigKinds } from "../../engine/index.ts";
import { formatYaml } from "../../kube/index.ts";
import { type Command, textOption } from "../command.ts";
import { stateFolderOf } from "../state-option.ts";
import { columnGap, table } from "../terminal.ts";

export const proxyConfig: Command = {
  summary: "What a proxy's configuration is, in the form of istioctl proxy-config.",
  usage: `proxy-config ${proxyConfigKinds.join("|")} POD.NAMESPACE|deploy/NAME.NAMESPACE --cluster CLUSTER [-o json|yaml]`,
  options: { cluster: { type: "string", short: "c" }, filter: { type: "string" } },
  optionTexts: {
    cluster: "cluster of the workload",
    filter: "only what has this in its name (endpoints: in the name of their Envoy cluster)",
    output: "json or yaml: the resources as the proxy's admin interface shows them",
  },
  async run(input) {
    const { terminal, signal } = input;
    const [kind, reference, ...more] = input.positionals;
    if (kind === undefined || reference === undefined || more.length > 0) {
      throw new IsthmusError("arguments/wrong", "proxy-config wants a kind and one workload", {
        nextStep: `isthmus ${proxyConfig.usage}`,
      });
    }
    const output = textOption(input, "output") ?? "table";
    if (!["table", "json", "yaml"].includes(output))
      throw new IsthmusError("arguments/wrong", `there is no output "${output}"`, {
        nextStep: "There are table, json and yaml.",
      });
    const state = openStateFolder(stateFolderOf(input), { create: false });
    const { header, rows, resources } = await connectEngine(state).call<ConfigTable>(
      "proxy-config",
      { kind, reference, cluster: textOption(input, "cluster"), part: textOption(input, "filter") },
      signal,
    );
    // A bootstrap is one object and has no form of a table.
    const shown = header.length === 0 ? resources[0] : resources;
    if (output === "yaml") terminal.print(formatYaml(shown).trimEnd());
    else if (output === "json" || header.length === 0) terminal.print(JSON.stringify(shown, undefined, 2));
    else for (const line of table([header, ...rows], columnGap)) terminal.print(line);
    return 0;
  },
};
