import type { Provisioning, ProvisionStep } from "./contracts.ts";

/** The steps as a shell script for people: it ends at the first failure and can be run again. */
export function renderScript({ steps, kubeconfigs, notes }: Provisioning): string {
  return scriptOf(
    kubeconfigs,
    [
      "# Written by isthmus provision: what creates the clusters, step by step. isthmus provision --run does the same, and goes on",
      "# where it stopped.",
    ],
    [
      ...steps.flatMap((step) => ["", `echo ${quoted(`${step.cluster}: ${step.title}`)}`, stepLine(step)]),
      ...(notes.length === 0 ? [] : ["", "# Left to you:", ...notes.map((note) => `# - ${note}`)]),
    ],
  );
}

/**
 * A shell script that takes everything away again, in reverse; what several steps made together goes last. Load balancers
 * that Kubernetes made are not known here: they keep networks from being deleted. What fails does not keep the rest, so that
 * it can be run again. `record` is what says which steps are done.
 */
export function renderDeletion({ steps, kubeconfigs }: Provisioning, record: string): string {
  const lines = steps
    .toReversed()
    .flatMap(({ undo }) => (undo === undefined ? [] : [undo.map(quoted).join(" ")]));
  const last = lines.filter((line, index) => lines.lastIndexOf(line) === index);
  return scriptOf(
    kubeconfigs,
    [
      "# Written by isthmus provision: takes away the clusters that provision.sh creates, and what is in them, for good. First take",
      "# the mesh away, whose load balancers keep networks from being deleted: isthmus down --real",
    ],
    [
      "set +e",
      "failed=0",
      "",
      ...last.map((line) => `${line} || failed=1`),
      "",
      "if [ $failed = 1 ]; then",
      '  echo "not everything could be taken away, or some of it was gone before: see above" >&2',
      "  exit 1",
      "fi",
      `rm -f ${quoted(record)}`,
    ],
  );
}

function scriptOf(
  kubeconfigs: readonly string[],
  about: readonly string[],
  lines: readonly string[],
): string {
  const files = kubeconfigs.map((file) => `$PWD/${file}`).join(":");
  const head = [
    "#!/usr/bin/env bash",
    ...about,
    "set -euo pipefail",
    'cd "$(dirname "$0")"',
    `export KUBECONFIG="${files}:\${KUBECONFIG:-$HOME/.kube/config}"`,
  ];
  return `${[...head, ...lines].join("\n")}\n`;
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
