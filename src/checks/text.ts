/** A line of evidence: a kubectl command that anybody can repeat, and what it answered. */
export function kubectl(cluster: string, command: string, answer: string): string {
  return `kubectl --context ${cluster} ${command}  →  ${answer}`;
}

/** "a, b and c", or the first four and how many more. */
export function listed(names: readonly string[]): string {
  const shown = names.length > 5 ? [...names.slice(0, 4), `${names.length - 4} more`] : names;
  return shown.length < 2
    ? (shown[0] ?? "none")
    : `${shown.slice(0, -1).join(", ")} and ${shown.at(-1) ?? ""}`;
}

/** "1 pod", "2 pods". */
export function count(number: number, noun: string, plural = `${noun}s`): string {
  return `${number} ${number === 1 ? noun : plural}`;
}
