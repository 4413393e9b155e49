import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import path from "node:path";
import { systemClock } from "../../base/index.ts";
import {
  type ApiTransport,
  createHttpTransport,
  inClusterAccess,
  serviceAccountFolder,
} from "../../kube/index.ts";
import { type CommandInput, textOption } from "../command.ts";
import { openKubeconfig, reachContext } from "../kubeconfig-access.ts";

/** Options of commands that run in a cluster, or beside it by a kubeconfig. */
export const ownApiOptions = {
  kubeconfig: { type: "string" },
  context: { type: "string" },
  account: { type: "string" },
} as const;

export const ownApiOptionTexts = {
  kubeconfig:
    "where the context is (default: $KUBECONFIG; in a pod its service account, else ~/.kube/config)",
  context: "the cluster to work for (default: the current context)",
  account: `folder with a service account's token and ca.crt (default: ${serviceAccountFolder})`,
};

/** The cluster that the options name, or the one in whose pod this runs. */
export async function reachOwnApi(
  input: CommandInput,
  signal: AbortSignal,
): Promise<{ readonly api: ApiTransport; close(): void }> {
  const [kubeconfig, context] = [textOption(input, "kubeconfig"), textOption(input, "context")];
  const isNamed = [kubeconfig, context, process.env["KUBECONFIG"]].some((one) => one !== undefined);
  if (!isNamed && process.env["KUBERNETES_SERVICE_HOST"] !== undefined) {
    const folder = textOption(input, "account") ?? serviceAccountFolder;
    const access = await inClusterAccess({
      env: process.env,
      readFile: (name) => readFile(path.join(folder, name), "utf8").catch(() => undefined),
      clock: systemClock,
    });
    const api = createHttpTransport(access);
    return { api, close: () => api.close() };
  }
  const read = openKubeconfig(
    kubeconfig ?? process.env["KUBECONFIG"] ?? path.join(homedir(), ".kube/config"),
  );
  const { client, close } = await reachContext(read, context ?? read.config.currentContext, signal);
  return { api: client.transport, close };
}
