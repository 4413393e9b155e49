import { existsSync } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { fortioTool } from "./fortio-tool.ts";
import { podTool } from "./pod-tool.ts";

/** Programs by name that the pod tool knows. curl is only for hosts without one. */
const toolNames = ["getent", "nslookup", "dig", "nc", "pilot-agent"] as const;

/** The pod's own name instead of the machine's; a shell script, since this is all that it takes. */
const hostname = `#!/bin/sh
case "$1" in
  "") echo "$HOSTNAME" ;;
  -s|--short) echo "\${HOSTNAME%%.*}" ;;
  -f|--fqdn|--long) echo "$HOSTNAME" ;;
  -i|--ip-address|-I|--all-ip-addresses) echo "$ISTHMUS_POD_ADDRESS" ;;
  *) echo "hostname: you must be root to change the host name" >&2; exit 1 ;;
esac
`;

/**
 * Writes the small programs that pods' programs find first on their PATH and resolves with their folder. What an
 * earlier version left there is removed.
 */
export async function writePodTools(stateFolder: string): Promise<string> {
  const folder = path.join(stateFolder, "pod-tools");
  const program = path.join(stateFolder, "pod-tool.cjs");
  const fortio = path.join(stateFolder, "fortio-tool.cjs");
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const script = (file: string, name = "") =>
    `#!/bin/sh\nexec '${quoted(process.execPath)}' '${quoted(file)}' ${name} "$@"\n`;
  const names = hostHas("curl") ? toolNames : [...toolNames, "curl"];
  await Promise.all([
    writeFile(program, programText(podTool, ["childProcess: child_process", "http", "https", "net", "tls"]), {
      mode: 0o600,
    }),
    writeFile(fortio, programText(fortioTool, ["http"]), { mode: 0o600 }),
    writeFile(path.join(folder, "fortio"), script(fortio), { mode: 0o700 }),
    writeFile(path.join(folder, "hostname"), hostname, { mode: 0o700 }),
    ...names.map((name) => writeFile(path.join(folder, name), script(program, name), { mode: 0o700 })),
  ]);
  return folder;
}

/** A tool as a program of its own: its source text, given Node's modules. */
function programText(tool: { toString(): string }, wanted: readonly string[]): string {
  const modules = wanted.map((entry) => {
    const [name = "", module = name] = entry.split(": ");
    return `${name}: require("node:${module}")`;
  });
  return `"use strict";\n(${tool.toString()})({ ${modules.join(", ")}, process });\n`;
}

function hostHas(program: string): boolean {
  return (process.env["PATH"] ?? "").split(":").some((folder) => existsSync(path.join(folder, program)));
}

function quoted(text: string): string {
  return text.replaceAll("'", "'\\''");
}
