import { existsSync, readdirSync, renameSync, rmSync } from "node:fs";
import path from "node:path";
import { type ChangeRecord, copyChangeLog } from "../../apiserver/index.ts";
import type { ClaimedBlock } from "../address-blocks.ts";
import type { StateFolder } from "../state-folder.ts";
import { relocateObject } from "./relocate-object.ts";
import { type BlockMoves, relocateText } from "./relocate-text.ts";

/** Which block a cluster's stored addresses belong to, by the cluster's name. */
export type RememberedBlocks = ReadonlyMap<string, number>;

type StoredBlocks = Readonly<Record<string, number>>;

const blocksFile = "blocks.json";
/** There from the moment when all logs with moved addresses are written until they are all in place. */
const journalFile = "relocation.json";
const logName = "objects";
const stagedName = "objects.relocated";

/**
 * The blocks of all clusters that this state folder has objects of, of those too that the mesh file does not name
 * any more. A relocation that an engine was killed in is finished, or undone when it had not been decided yet.
 */
export function recallBlocks(state: StateFolder): RememberedBlocks {
  const decided = state.readJson<StoredBlocks>(journalFile);
  if (decided === undefined)
    for (const folder of clusterFolders(state)) rmSync(path.join(folder, stagedName), { force: true });
  else putInPlace(state, decided);
  return new Map(Object.entries(state.readJson<StoredBlocks>(blocksFile) ?? {}));
}

/**
 * Remembers the claimed blocks. Where a cluster has moved, every stored address of its old block is rewritten first,
 * in the objects of every cluster, since they name each other's addresses. No API server may have the objects open.
 * A kill at any moment leaves, at the next recallBlocks, either everything as it was or everything moved.
 */
export function rememberBlocks(
  state: StateFolder,
  remembered: RememberedBlocks,
  claimed: ReadonlyMap<string, Pick<ClaimedBlock, "block">>,
): void {
  const moves = new Map<number, number>();
  for (const [name, { block }] of claimed) {
    const before = remembered.get(name);
    if (before !== undefined && before !== block) moves.set(before, block);
  }
  const blocks = {
    ...Object.fromEntries(remembered),
    ...Object.fromEntries([...claimed].map(([name, { block }]) => [name, block])),
  };
  if (moves.size === 0) {
    state.writeJson(blocksFile, blocks);
    return;
  }
  for (const folder of clusterFolders(state)) stage(folder, moves);
  state.writeJson(journalFile, blocks);
  putInPlace(state, blocks);
}

function stage(folder: string, moves: BlockMoves): void {
  const log = path.join(folder, logName);
  if (!existsSync(log)) return;
  copyChangeLog(log, path.join(folder, stagedName), (record) => relocateRecord(record, moves));
}

function relocateRecord(record: ChangeRecord, moves: BlockMoves): ChangeRecord {
  const object = relocateObject(record.object, moves);
  const key = relocateText(record.key, moves);
  return object === record.object && key === record.key ? record : { ...record, key, object };
}

/** May be done twice: a log that is in place already has nothing staged any more. */
function putInPlace(state: StateFolder, blocks: StoredBlocks): void {
  for (const folder of clusterFolders(state)) {
    const staged = path.join(folder, stagedName);
    if (existsSync(staged)) renameSync(staged, path.join(folder, logName));
  }
  state.writeJson(blocksFile, blocks);
  rmSync(path.join(state.path, journalFile), { force: true });
}

function clusterFolders(state: StateFolder): readonly string[] {
  const parent = path.join(state.path, "clusters");
  if (!existsSync(parent)) return [];
  return readdirSync(parent).map((name) => path.join(parent, name));
}
