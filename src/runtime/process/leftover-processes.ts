import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { killGroup } from "./host-process.ts";

/** Written into a container's folder beside its files. */
const recordName = ".process";

/** Remembers that a container's program runs, so that it can be ended should the engine be killed. */
export async function recordProcess(containerFolder: string, pid: number): Promise<void> {
  const started = await startTime(pid);
  if (started !== undefined)
    await writeFile(path.join(containerFolder, recordName), `${pid} ${started}`, { mode: 0o600 });
}

/**
 * Ends programs that an engine before this one left behind when it was killed, and removes the pods' folders
 * (`podsFolder`/POD/CONTAINER). A process counts as the recorded one only when it began at the same time.
 */
export async function endLeftovers(podsFolder: string): Promise<void> {
  const pods = await readdir(podsFolder).catch(() => []);
  for (const pod of pods) {
    const containers = await readdir(path.join(podsFolder, pod)).catch(() => []);
    for (const container of containers) {
      const record = await readFile(path.join(podsFolder, pod, container, recordName), "utf8").catch(
        () => "",
      );
      const [pid = "", started] = record.split(" ");
      if (started !== undefined && (await startTime(Number(pid))) === started) killGroup(Number(pid));
    }
  }
  if (pods.length > 0) await rm(podsFolder, { recursive: true, force: true });
}

/** When a process began, in the kernel's ticks (field 22 of proc's stat); undefined when there is none. */
async function startTime(pid: number): Promise<string | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  // The second field, the program's name, may contain spaces and parentheses itself.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return fields[22 - 3];
}
