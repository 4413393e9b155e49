import { readdir, readFile } from "node:fs/promises";

/** What the processes of one group have used and hold. */
export interface GroupUse {
  /** Milliseconds of processor time, of children that have ended as well. */
  readonly cpuTime: number;
  /** Resident bytes. Pages that processes share count for each of them. */
  readonly memory: number;
}

/** Linux counts processor time for programs in hundredths of a second, whatever its own clock does (USER_HZ). */
const tick = 10;

/**
 * What process groups use, from /proc (proc_pid_stat(5)). Processes come and go meanwhile: one that ends is left out.
 * A group that has ended is not in the result. Empty where there is no /proc.
 */
export async function readProcessGroups(groups: ReadonlySet<number>): Promise<ReadonlyMap<number, GroupUse>> {
  const found = new Map<number, GroupUse>();
  if (groups.size === 0) return found;
  const names = await readdir("/proc").catch((): string[] => []);
  await Promise.all(
    names.filter(isNumber).map(async (pid) => {
      const stat = parseStat(await readText(`/proc/${pid}/stat`));
      if (stat === undefined || !groups.has(stat.group)) return;
      const memory = residentBytes(await readText(`/proc/${pid}/status`));
      const known = found.get(stat.group) ?? { cpuTime: 0, memory: 0 };
      found.set(stat.group, { cpuTime: known.cpuTime + stat.cpuTime, memory: known.memory + memory });
    }),
  );
  return found;
}

/** Group and processor time of one line of /proc/PID/stat; undefined when it is none. */
export function parseStat(line: string): { readonly group: number; readonly cpuTime: number } | undefined {
  // The program's name stands in parentheses and may hold anything, more parentheses included.
  const fields = line.slice(line.lastIndexOf(")") + 2).split(" ");
  const [group, user, system, childUser, childSystem] = [2, 11, 12, 13, 14].map((i) => Number(fields[i]));
  if (group === undefined || !(group > 0)) return undefined;
  const ticks = (user ?? 0) + (system ?? 0) + (childUser ?? 0) + (childSystem ?? 0);
  return { group, cpuTime: ticks * tick };
}

function residentBytes(status: string): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024;
}

function isNumber(name: string): boolean {
  return /^\d+$/.test(name);
}

function readText(path: string): Promise<string> {
  return readFile(path, "utf8").catch(() => "");
}
