import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { IsthmusError, systemClock } from "../base/index.ts";
import {
  type CommandResult,
  createHttpTransport,
  createKubeClient,
  createTokenSource,
  execInPod,
  type KubeClient,
  type Kubeconfig,
  mergeKubeconfigs,
  type PodCommand,
  readKubeconfig,
  resolveAccess,
} from "../kube/index.ts";

/** How long a token is used before its file is read or its plugin is run again, in milliseconds. */
const tokenKept = 5 * 60_000;

/** A cluster reached by a context of a kubeconfig. */
export interface ReachedCluster {
  readonly client: KubeClient;
  /** Runs a command in a container, by the API server. */
  exec(command: PodCommand, signal: AbortSignal): Promise<CommandResult>;
  /** Address of its API, as the kubeconfig has it. */
  readonly server: string;
  /** PEM of the API's CA; absent where the machine's own authorities count. */
  readonly ca?: string;
  /** How other programs reach it. */
  readonly context: { readonly kubeconfig: string; readonly name: string };
  /** Ends its idle connections. */
  close(): void;
}

/** Kubeconfigs as they were read. */
export interface ReadKubeconfig {
  readonly config: Kubeconfig;
  /** Files and plugins that they name are looked for from here. */
  readonly folder: string;
  /** The files that were read, absolute, as KUBECONFIG lists them. */
  readonly files: string;
}

/** Reads a kubeconfig, or several as one where `files` lists them as KUBECONFIG does; of several some may be missing. */
export function openKubeconfig(files: string): ReadKubeconfig {
  const names = files.split(path.delimiter).filter((name) => name !== "");
  const present = names.length === 1 ? names : names.filter((name) => existsSync(name));
  const configs = present.map((name) => readKubeconfig(readText(name), name));
  return {
    config: mergeKubeconfigs(configs),
    folder: path.dirname(path.resolve(present[0] ?? ".")),
    files: present.map((name) => path.resolve(name)).join(path.delimiter),
  };
}

/** Connects by a context; runs the credential plugin that its user may have. */
export async function reachContext(
  { config, folder, files }: ReadKubeconfig,
  context: string,
  signal: AbortSignal | undefined,
): Promise<ReachedCluster> {
  const options = { folder, ...(signal === undefined ? {} : { signal }) };
  const access = await resolveAccess(config, context, options);
  const way = {
    ...access,
    ...(access.token === undefined ? {} : { tokens: renewedTokens(access.token) }),
  };
  const transport = createHttpTransport(way);

  /** The tokens of credential plugins and files run out while a command still runs. */
  function renewedTokens(first: string) {
    const read = async () => (await resolveAccess(config, context, options)).token ?? first;
    return createTokenSource({ read, first, clock: systemClock, keptFor: tokenKept });
  }
  return {
    client: createKubeClient(transport),
    exec: (command, until) => execInPod(way, command, until),
    server: access.server,
    ...(access.ca === undefined ? {} : { ca: access.ca }),
    context: { kubeconfig: files, name: context },
    close: () => transport.close(),
  };
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    throw new IsthmusError("arguments/wrong", `the kubeconfig ${file} can't be read`, {
      cause,
      nextStep:
        "Name one with --kubeconfig, or set KUBECONFIG. A mesh on this machine has its own in .isthmus/kubeconfig.",
    });
  }
}
