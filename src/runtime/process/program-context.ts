import { existsSync } from "node:fs";
import path from "node:path";
import type { Container, Pod } from "../../kube/index.ts";
import type { PodNetwork, ProgramContext } from "../contracts.ts";
import { archiveWords } from "./archive-words.ts";
import { realPath, writeMounts } from "./mount-files.ts";
import { podEnvironment } from "./pod-environment.ts";

export function createProgramContext(options: {
  pod(): Pod;
  readonly container: Container;
  readonly env: Readonly<Record<string, string>>;
  readonly network: PodNetwork;
  /** The container's folder, in the pod's. */
  scratch(): Promise<string>;
  readMount(mountPath: string): Promise<ReadonlyMap<string, Buffer>>;
  /** The pod's volumes that are folders, by name; those that live as long as the pod are below `shared`. */
  volumeFolders(shared: string): Promise<ReadonlyMap<string, string>>;
  podTools(): Promise<string>;
  /** "address:port" of a resolver with the pod's view of names, over TCP. */
  resolver(): Promise<string>;
}): ProgramContext {
  const { pod, container, env, network, scratch, readMount, volumeFolders, podTools, resolver } = options;
  const rootIn = (folder: string) => path.join(folder, "root");
  const writeFiles = async () => {
    const folder = await scratch();
    const shared = path.join(path.dirname(folder), "volumes");
    await writeMounts(container, rootIn(folder), { folders: await volumeFolders(shared), readMount });
  };
  return {
    scratch,
    writeFiles,
    async env(more = {}) {
      const [tools, folder, dns] = await Promise.all([podTools(), scratch(), resolver()]);
      return podEnvironment({
        pod: pod(),
        env: { ...env, ...more },
        network: network.environment,
        podAddress: network.address,
        resolver: dns,
        tools,
        scratch: folder,
        root: rootIn(folder),
      });
    },
    async withRealFiles(command) {
      const root = rootIn(await scratch());
      const real = command.map((argument) => realPath(argument, container, root));
      const [program = ""] = real;
      // Images have these programs in folders of their own, where this machine has nothing.
      if (path.isAbsolute(program) && !existsSync(program)) {
        const tool = path.join(await podTools(), path.basename(program));
        if (existsSync(tool)) real[0] = tool;
      }
      const asks = real.some((argument, i) => argument !== command[i] || argument.includes("ISTHMUS_ROOT"));
      if (asks) await writeFiles();
      return archiveWords(command, real, root);
    },
  };
}
