/** Blocks that changed, all at the same time: B of 127.B.0.0/16, before and after. */
export type BlockMoves = ReadonlyMap<number, number>;

const octet = "(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)";
/**
 * A whole address 127.x.y.z with the block as its group. Longer runs of numbers (1.127.16.0.1, 127.16.0.1.2) and
 * addresses with letters grown on (v127.16.0.1) are something else; a letter after a backslash is an escape of JSON
 * inside a string, such as \n.
 */
const address = new RegExp(
  `(?<!\\d|\\d\\.|(?<!\\\\)[A-Za-z])127\\.(${octet})(?=\\.${octet}\\.${octet}(?![A-Za-z0-9]|\\.\\d))`,
  "g",
);

/** `text` with every address of a moved block, also inside URLs and beside ports, replaced by that of the new block. */
export function relocateText(text: string, moves: BlockMoves): string {
  if (!text.includes("127.")) return text;
  return text.replace(address, (found, block: string) => {
    const moved = moves.get(Number(block));
    return moved === undefined ? found : `127.${moved}`;
  });
}
