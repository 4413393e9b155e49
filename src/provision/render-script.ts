import type { Provisioning, ProvisionStep } from "./contracts.ts";

/** The steps as a shell script for people: it ends at the first failure and can be run again. */
export function renderScript({ steps, kubeconfigs, notes }: Provisioning): string {
  const lines = [
    "#!/usr/bin/env bash",
    "# Written by isthmus provision: what creates the clusters, step by step. isthmus provision --run does the same, and goes on",
    "# where it stopped.",
    "set -euo pipefail",
    'cd "$(dirname "$0")"',
    `export KUBECONFIG="${kubeconfigs.map((file) => `$PWD/${file}`).join(":")}:\${KUBECONFIG:-$HOME/.kube/config}"`,
    ...steps.flatMap((step) => ["", `echo ${quoted(`${step.cluster}: ${step.title}`)}`, stepLine(step)]),
    ...(notes.length === 0 ? [] : ["", "# Left to you:", ...notes.map((note) => `# - ${note}`)]),
  ];
  return `${lines.join("\n")}\n`;
}

function stepLine({ command, gives, present }: ProvisionStep): string {
  const text = command.map(quoted).join(" ");
  if (gives !== undefined) return `${gives}="$(${text})"`;
  return present === undefined ? text : `${present.map(quoted).join(" ")} >/dev/null 2>&1 || ${text}`;
}

/** A word for the shell; what earlier steps gave is put in. */
function quoted(word: string): string {
  if (/^[\w./:=,@%+-]+$/.test(word)) return word;
  return /\$\{[A-Z_0-9]+\}/.test(word)
    ? `"${word.replaceAll(/["\\`]/g, "\\$&")}"`
    : `'${word.replaceAll("'", "'\\''")}'`;
}
