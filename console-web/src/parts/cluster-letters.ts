/**
 * Two letters for every name, no two alike as long as that can be: the first two, or the first and what tells the
 * name from those before it, a number at its end first of all.
 */
export function clusterLetters(names: readonly string[]): ReadonlyMap<string, string> {
  const taken = new Set<string>();
  const letters = new Map<string, string>();
  const numbered = names.filter((name) => /\d$/.test(name)).length > 1;
  for (const name of names) {
    const plain = name.replaceAll(/[^a-z0-9]/g, "");
    const number = /\d+$/.exec(plain)?.[0] ?? "";
    const first = plain[0] ?? "?";
    const byNumber = number.length === 1 ? `${first}${number}` : number.slice(-2);
    const candidates = [
      ...(numbered && number !== "" ? [byNumber] : []),
      plain.slice(0, 2),
      ...(number === "" ? [] : [byNumber]),
      ...[...plain.slice(1)].map((letter) => `${first}${letter}`),
      ...[..."abcdefghijklmnopqrstuvwxyz0123456789"].map((letter) => `${first}${letter}`),
    ];
    const found =
      candidates.find((candidate) => candidate !== "" && !taken.has(candidate)) ?? plain.slice(0, 2);
    taken.add(found);
    letters.set(name, found);
  }
  return letters;
}
