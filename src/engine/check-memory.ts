import { readFileSync } from "node:fs";
import { IsthmusError } from "../base/index.ts";

const megabyte = 1024 ** 2;
/** Without these not even empty clusters come up; a whole mesh takes more. Measured by the bench `fleet`, rounded down. */
const base = 60 * megabyte;
const perCluster = 10 * megabyte;

/**
 * Throws engine/too-little-memory when so many clusters can't start in `available` bytes: said at once and with numbers,
 * instead of by the kernel's ending the process half-way.
 */
export function checkMemory(clusters: number, available: number): void {
  const wanted = base + clusters * perCluster;
  if (available >= wanted) return;
  const text = (bytes: number) => `${Math.round(bytes / megabyte)} MB`;
  throw new IsthmusError(
    "engine/too-little-memory",
    `${clusters} clusters need ${text(wanted)} at least before anything runs in them; this machine has ${text(available)} left`,
    { nextStep: "End something else, give the container more memory, or leave out clusters." },
  );
}

/** What this process may still take, in bytes: of the machine, or of its container when that has less. */
export function availableMemory(): number {
  const limit = process.constrainedMemory?.() ?? 0;
  const own = limit > 0 ? limit - process.memoryUsage().rss : Number.POSITIVE_INFINITY;
  return Math.min(own, memoryOfMachine());
}

/** MemAvailable of /proc/meminfo; no bound where there is no such file. */
function memoryOfMachine(): number {
  try {
    const kilobytes = /^MemAvailable:\s+(\d+) kB$/m.exec(readFileSync("/proc/meminfo", "utf8"))?.[1];
    return kilobytes === undefined ? Number.POSITIVE_INFINITY : Number(kilobytes) * 1024;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
