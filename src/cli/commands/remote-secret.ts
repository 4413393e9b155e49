import { IsthmusError } from "../../base/index.ts";
import { connectEngine, openStateFolder } from "../../engine/index.ts";
import { formatYaml, type KubeObject } from "../../kube/index.ts";
import { type Command, textOption } from "../command.ts";
import { stateFolderOf } from "../state-option.ts";

export const remoteSecret: Command = {
  summary:
    "Print the Secret with which an istiod elsewhere reads a cluster, as istioctl create-remote-secret does.",
  usage: "remote-secret CLUSTER [--name NAME] [-o json]",
  options: { name: { type: "string" } },
  optionTexts: { name: "what that istiod calls the cluster (default: its name here)" },
  async run(input) {
    const { terminal, signal } = input;
    const [cluster, ...more] = input.positionals;
    if (cluster === undefined || more.length > 0) {
      throw new IsthmusError("arguments/wrong", "remote-secret wants one cluster", {
        nextStep: `isthmus ${remoteSecret.usage}`,
      });
    }
    const state = openStateFolder(stateFolderOf(input), { create: false });
    const secret = await connectEngine(state).call<KubeObject>(
      "remote-secret",
      { cluster, name: textOption(input, "name") },
      signal,
    );
    if (textOption(input, "output") === "json") terminal.print(JSON.stringify(secret, undefined, 2));
    else terminal.print(`${formatYaml(secret)}---`);
    return 0;
  },
};
