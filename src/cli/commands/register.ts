import { registerCluster } from "../../apply/index.ts";
import { IsthmusError, silentLogger } from "../../base/index.ts";
import { createKubeClient, formatYaml } from "../../kube/index.ts";
import { type Command, textOption } from "../command.ts";
import { ownApiOptions, ownApiOptionTexts, reachOwnApi } from "../management/own-api.ts";

/** How long the management cluster may take to make a token, in milliseconds. */
const patience = 30_000;

export const register: Command = {
  summary:
    "Register a cluster with the manager of a fleet, and print the Secret with which its agent calls: isthmus register cluster-1 --context mgmt | kubectl --context cluster-1 apply -f -",
  usage: "register CLUSTER --context MANAGEMENT-CLUSTER [--primary CLUSTER] [--server HOST:PORT] [-o json]",
  options: { ...ownApiOptions, primary: { type: "string" }, server: { type: "string" } },
  optionTexts: {
    ...ownApiOptionTexts,
    context: "the management cluster (default: the current context)",
    primary: "the cluster whose control plane serves it (default: itself)",
    server: "where its agent reaches the manager (default: the address of the manager's Service)",
  },
  async run(input) {
    const [cluster, ...more] = input.positionals;
    if (cluster === undefined || more.length > 0)
      throw new IsthmusError("arguments/wrong", "register wants the name of one cluster", {
        nextStep: `isthmus ${register.usage}`,
      });
    checkName(cluster);
    const [primary, server] = [textOption(input, "primary"), textOption(input, "server")];
    const signal = AbortSignal.any([input.signal, AbortSignal.timeout(patience)]);
    const { api, close } = await reachOwnApi(input, signal);
    try {
      const secret = await registerCluster({
        client: createKubeClient(api),
        ...{ cluster, signal, log: silentLogger },
        ...(primary === undefined ? {} : { primary }),
        ...(server === undefined ? {} : { server }),
      });
      const isJson = textOption(input, "output") === "json";
      input.terminal.print(isJson ? JSON.stringify(secret, undefined, 2) : `${formatYaml(secret)}---`);
    } finally {
      close();
    }
    return 0;
  },
};

/** Names of clusters are labels of DNS: they become parts of names of objects and hosts. */
function checkName(cluster: string): void {
  if (/^[a-z0-9]([-a-z0-9]{0,48}[a-z0-9])?$/.test(cluster)) return;
  throw new IsthmusError("arguments/wrong", `"${cluster}" is no name of a cluster`, {
    nextStep: "It has lower-case letters, digits and dashes between them, at most 50.",
  });
}
