import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";

/**
 * Takes a lock file for this process; false when a living process has it, or is just taking it over from a dead one. It names
 * its process and that process' start time, so that a process that was given a dead one's id is not taken for it.
 *
 * The file appears with its content or not at all. The lock of a dead process is taken over under a lock of its own, so
 * that of several that find it dead at the same instant only one goes on.
 */
export function takeLock(file: string): boolean {
  if (create(file)) return true;
  const found = read(file);
  if (found === undefined) return create(file);
  if (isAlive(found)) return false;
  const takeover = `${file}.takeover`;
  if (!takeLock(takeover)) return false;
  try {
    // Whoever took it over meanwhile is alive, and his name stands there now.
    const now = read(file);
    if (now === undefined) return create(file);
    if (isAlive(now)) return false;
    renameSync(writeOwn(file), file);
    return true;
  } finally {
    releaseLock(takeover);
  }
}

/** Gives up a lock that this process has; another's stays. */
export function releaseLock(file: string): void {
  if (read(file) === ownName()) rmSync(file, { force: true });
}

/** Id of the living process that has a lock; undefined when none has. */
export function holderOf(file: string): number | undefined {
  const found = read(file);
  return found !== undefined && isAlive(found) ? Number(found.split(" ")[0]) : undefined;
}

/** Whether the file was made: a link is made only where nothing stands yet. */
function create(file: string): boolean {
  const own = writeOwn(file);
  try {
    linkSync(own, file);
    return true;
  } catch (reason) {
    if (reason instanceof Error && "code" in reason && reason.code === "EEXIST") return false;
    throw reason;
  } finally {
    rmSync(own, { force: true });
  }
}

/** A file of this process alone, with its name in it. */
function writeOwn(file: string): string {
  const own = `${file}.${process.pid}`;
  writeFileSync(own, ownName(), { mode: 0o600 });
  return own;
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch (reason) {
    if (reason instanceof Error && "code" in reason && reason.code === "ENOENT") return undefined;
    throw reason;
  }
}

function ownName(): string {
  return `${process.pid} ${startTime(process.pid) ?? ""}`;
}

function isAlive(name: string): boolean {
  const [id = "", started = ""] = name.split(" ");
  const pid = Number(id);
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
  } catch (reason) {
    if (!(reason instanceof Error && "code" in reason && reason.code === "EPERM")) return false;
  }
  const [condition] = processFields(pid);
  const now = startTime(pid);
  // A killed process keeps its id as a zombie until its parent asks for it, which some parents never do.
  return condition !== "Z" && (started === "" || now === undefined || now === started);
}

/** Start time of a process in clock ticks since boot (proc(5), field 22); undefined where /proc is missing. */
function startTime(pid: number): string | undefined {
  return processFields(pid)[22 - 3];
}

/** The fields of a process in proc(5) from the third on, its state; none where /proc is missing. */
function processFields(pid: number): readonly string[] {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The second field, the program's name, may contain spaces and parentheses itself.
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  } catch {
    return [];
  }
}
