import { existsSync } from "node:fs";
import { homedir } from "node:os";
import path from "node:path";
import { isJsonObject, type Kubeconfig } from "../../kube/index.ts";
import type { Mesh } from "../../mesh/index.ts";
import { detectProvider } from "../../provision/index.ts";
import { openKubeconfig } from "../kubeconfig-access.ts";

/** Clusters that are there already and whose provider the mesh file does not name, with who that is by their kubeconfig. */
export function unnamedProviders({ clusters, folder }: Mesh): readonly string[] {
  const wide = process.env["KUBECONFIG"] ?? path.join(homedir(), ".kube/config");
  return [...clusters.values()]
    .filter(({ provider }) => provider === undefined)
    .flatMap(({ name, context, kubeconfig }) => {
      const files = kubeconfig === undefined ? wide : path.resolve(folder, kubeconfig);
      if (!files.split(path.delimiter).some((file) => existsSync(file))) return [];
      const provider = providerOf(context, openKubeconfig(files).config);
      return provider === undefined
        ? []
        : [
            `${name}: its context ${context} is a cluster of ${provider}; write provider: ${provider} for what its load balancers need.`,
          ];
    });
}

function providerOf(context: string, { contexts, clusters, users }: Kubeconfig): string | undefined {
  const chosen = contexts.get(context);
  if (chosen === undefined) return undefined;
  const server = clusters.get(chosen.cluster)?.["server"];
  const exec = users.get(chosen.user)?.["exec"];
  const args = isJsonObject(exec) && Array.isArray(exec["args"]) ? exec["args"] : [];
  const plugin = isJsonObject(exec) ? [exec["command"], ...args].map(String).join(" ") : "";
  return detectProvider({ context, server: typeof server === "string" ? server : "", plugin });
}
