import { IsthmusError } from "../../base/index.ts";
import { connectEngine, type EndpointRow, openStateFolder } from "../../engine/index.ts";
import { type Command, textOption } from "../command.ts";
import { stateFolderOf } from "../state-option.ts";
import { columnGap, table } from "../terminal.ts";

export const endpoints: Command = {
  summary: "The endpoints that a proxy knows, as istioctl proxy-config endpoints prints them.",
  usage: "endpoints POD.NAMESPACE|deploy/NAME.NAMESPACE --cluster CLUSTER [--filter NAME] [-o json]",
  options: { cluster: { type: "string", short: "c" }, filter: { type: "string" }, all: { type: "boolean" } },
  optionTexts: {
    cluster: "cluster of the workload",
    filter:
      'only endpoints of the Envoy cluster with this name, for example "outbound|9080||reviews.default.svc.cluster.local"',
    all: "also clusters that are not outbound: inbound, the agent's own",
  },
  async run(input) {
    const { terminal, signal } = input;
    const [reference, ...more] = input.positionals;
    if (reference === undefined || more.length > 0) {
      throw new IsthmusError("arguments/wrong", "endpoints wants one workload", {
        nextStep: `isthmus ${endpoints.usage}`,
      });
    }
    const state = openStateFolder(stateFolderOf(input), { create: false });
    const rows = await connectEngine(state).call<readonly EndpointRow[]>(
      "endpoints",
      {
        reference,
        cluster: textOption(input, "cluster"),
        name: textOption(input, "filter"),
        all: input.values["all"] === true,
      },
      signal,
    );
    if (textOption(input, "output") === "json") {
      terminal.print(JSON.stringify(rows, undefined, 2));
      return 0;
    }
    const header = ["ENDPOINT", "STATUS", "OUTLIER CHECK", "CLUSTER"];
    const cells = rows.map((row) => [row.endpoint, row.status, row.outlierCheck, row.cluster]);
    for (const line of table([header, ...cells], columnGap)) terminal.print(line);
    return 0;
  },
};
