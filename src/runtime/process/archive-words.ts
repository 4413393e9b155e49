import path from "node:path";

/**
 * The words of a `tar` that archives files of mounts, such as `kubectl cp` runs to fetch them: the names in the archive
 * are the pod's, not those of the real files below `root`, and what is a link to a volume's folder is followed.
 * Other commands stay as they are. `real` are the words with the real files' paths.
 */
export function archiveWords(
  command: readonly string[],
  real: readonly string[],
  root: string,
): readonly string[] {
  const [program = "", mode = ""] = command;
  if (path.basename(program) !== "tar" || !/^-?[a-z]*c[a-z]*$/.test(mode)) return real;
  return real.flatMap((word, i) => {
    if (word === command[i] || command[i - 1] === "-C" || !word.startsWith(`${root}/`)) return [word];
    return ["-h", "-C", root, word.slice(root.length + 1)];
  });
}
