import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { Kubectl } from "../../../support/tools.ts";
import { isthmus, run } from "../running-mesh.ts";

/** A shell in which `kubectl` is one version of it, on one namespace of a running mesh; `isthmus` is there too. */
export interface KubectlShell {
  readonly namespace: string;
  /** Runs a line of shell; gives stdout and stderr together. Rejects when it ends with something other than 0. */
  ok(line: string, input?: string): Promise<string>;
  /** The same for a line that must fail; rejects when it succeeds. */
  fails(line: string, input?: string): Promise<string>;
  /** Writes a file into the folder where the lines run. */
  file(name: string, text: string): void;
}

/** Something that people do with kubectl, as a row of docs/kubernetes-compatibility.md and as a test. */
export interface KubectlCheck {
  readonly command: string;
  /** Tried with every version; the others with the oldest and the newest only. */
  readonly everywhere?: true;
  /** The check of the acceptance catalogue that it belongs to, when that is not GUIDE-02. */
  readonly guide?: "GUIDE-05";
  /** The first version that can do it on a cluster as it comes. */
  readonly since?: string;
  check(shell: KubectlShell): Promise<void>;
}

/** Makes a shell with a folder, a cache and a default namespace of its own. */
export function kubectlShell(
  kubectl: Kubectl,
  options: {
    readonly folder: string;
    readonly kubeconfig: string;
    readonly cluster: string;
    readonly namespace: string;
  },
): KubectlShell {
  const { cluster, kubeconfig, namespace } = options;
  const folder = path.join(options.folder, `kubectl-${kubectl.version}`);
  const programs = path.join(folder, "bin");
  mkdirSync(programs, { recursive: true });
  symlinkSync(kubectl.path, path.join(programs, "kubectl"));
  symlinkSync(isthmus, path.join(programs, "isthmus"));
  const env = {
    PATH: `${programs}:${process.env["PATH"] ?? ""}`,
    HOME: folder,
    KUBECONFIG: `${path.join(folder, "kubeconfig")}:${kubeconfig}`,
  };
  writeFileSync(
    path.join(folder, "kubeconfig"),
    JSON.stringify({
      apiVersion: "v1",
      kind: "Config",
      "current-context": "test",
      contexts: [{ name: "test", context: { cluster, user: cluster, namespace } }],
    }),
  );
  const shell = async (line: string, input?: string) => {
    const result = await run("bash", ["-c", line], {
      cwd: folder,
      env,
      ...(input === undefined ? {} : { input }),
    });
    return { code: result.code, text: `${result.stdout}${result.stderr}` };
  };
  return {
    namespace,
    async ok(line, input) {
      const { code, text } = await shell(line, input);
      if (code !== 0) throw new Error(`${line}\nended with ${code}:\n${text}`);
      return text;
    },
    async fails(line, input) {
      const { code, text } = await shell(line, input);
      if (code === 0) throw new Error(`${line}\nsucceeded:\n${text}`);
      return text;
    },
    file: (name, text) => writeFileSync(path.join(folder, name), text),
  };
}
