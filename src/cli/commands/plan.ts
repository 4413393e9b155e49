import { formatDiagnostics, IsthmusError } from "../../base/index.ts";
import { checkSupported } from "../../mesh/index.ts";
import { type Command, textOption } from "../command.ts";
import { planLines, planVerdict } from "../plan/plan-lines.ts";
import { planExitCode, planMesh, plannedAsJson } from "../plan/plan-mesh.ts";
import { reachClusters } from "../reach-clusters.ts";
import { meshFiles, meshOptions, meshOptionTexts, readMesh } from "../read-mesh.ts";

export const plan: Command = {
  summary:
    "What an apply would create, change and delete, per cluster and field by field, with why, and what callers will notice. Reads only. Exit code 2 when there are changes.",
  usage: "plan [FILE] [--kubeconfig FILE] [-o json]",
  options: { ...meshOptions, kubeconfig: { type: "string" } },
  optionTexts: {
    ...meshOptionTexts,
    kubeconfig: "where the clusters' contexts are (default: $KUBECONFIG, then ~/.kube/config)",
    output: "json, for programs",
  },
  async run(input) {
    const { terminal, signal } = input;
    const output = textOption(input, "output") ?? "text";
    if (output !== "text" && output !== "json")
      throw new IsthmusError("arguments/wrong", `-o is json, not "${output}"`);
    const { mesh, compiled, warnings } = await readMesh(input, {
      check: (read) => checkSupported(read, "compile"),
      unless: "Nothing was looked at.",
    });
    if (warnings.length > 0) terminal.note(formatDiagnostics(warnings));
    const clusters = await reachClusters(mesh, textOption(input, "kubeconfig"), signal);
    try {
      const { planned, traffic } = await planMesh(mesh, compiled, clusters, signal);
      if (output === "json")
        terminal.print(JSON.stringify({ clusters: planned.map(plannedAsJson), traffic }, undefined, 2));
      else {
        for (const line of planLines(planned, traffic, terminal.paint)) terminal.print(line);
        terminal.print(`\n${planVerdict(planned, ["isthmus apply", ...meshFiles(input)].join(" "))}`);
      }
      return planExitCode(planned);
    } finally {
      clusters.close();
    }
  },
};
