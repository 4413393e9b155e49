import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";

/** What the Envoys of one engine share: a folder for their sockets, and a guard that ends them should the engine be killed. */
export interface EnvoyHost {
  /** A folder of its own for one Envoy, closed to other users; its path is short, as unix sockets need. */
  folder(): Promise<{ readonly path: string; remove(): Promise<void> }>;
  /** From now on the process is killed when this one is gone. */
  watch(pid: number): void;
  /** The process has ended. */
  forget(pid: number): void;
}

/** Longest path of a unix socket; Node cuts longer ones off without a word. */
const mostPathBytes = 107;
/** Longest name of a socket in an Envoy's folder: an IPv6 address and a port. */
const mostNameBytes = 46;

/**
 * Reads "+ PID" and "- PID" until its input ends, which is when the engine has ended, however that came; then ends the
 * processes that are left and removes the folder.
 */
const guardScript = `
trap '' HUP INT TERM
pids=' '
while read -r what pid; do
  case $what in
    +) pids="$pids$pid " ;;
    -) case $pids in *" $pid "*) pids="\${pids%% "$pid" *} \${pids#* "$pid" }" ;; esac ;;
  esac
done
for pid in $pids; do kill -9 "$pid" 2>/dev/null; done
rm -rf "$1"
`;

function makePlace(): string {
  const prefix = path.join(tmpdir(), "isthmus-envoy-");
  if (Buffer.byteLength(`${prefix}XXXXXX/99999/`) + mostNameBytes > mostPathBytes)
    throw new RangeError(
      `${tmpdir()} is too long a path for unix sockets in it, set TMPDIR to a shorter one`,
    );
  return mkdtempSync(prefix);
}

/** Nothing is made or started before the first Envoy needs it; both are gone after the last has ended. */
export function createEnvoyHost(): EnvoyHost {
  let place: string | undefined;
  let guard: ChildProcess | undefined;
  let folders = 0;
  let count = 0;
  const watched = new Set<number>();

  const tell = (line: string) => {
    guard ??= startGuard(place ?? "");
    guard.stdin?.write(line);
  };
  const startGuard = (folder: string): ChildProcess => {
    const child = spawn("/bin/sh", ["-c", guardScript, "isthmus-guard", folder], {
      detached: true,
      cwd: "/",
      env: { PATH: process.env["PATH"] ?? "/usr/bin:/bin" },
      stdio: ["pipe", "ignore", "ignore"],
    });
    child.unref();
    child.on("error", () => {});
    child.stdin?.on("error", () => {});
    child.once("exit", () => {
      if (guard !== child) return;
      // Somebody killed it: the Envoys that run need another.
      guard = undefined;
      for (const pid of watched) tell(`+ ${pid}\n`);
    });
    return child;
  };
  const release = () => {
    const ended = guard;
    guard = undefined;
    place = undefined;
    ended?.stdin?.end();
  };

  return {
    async folder() {
      place ??= makePlace();
      const own = path.join(place, String(count++));
      folders++;
      await mkdir(own, { mode: 0o700 });
      let isRemoved = false;
      return {
        path: own,
        async remove() {
          if (isRemoved) return;
          isRemoved = true;
          const all = path.dirname(own);
          folders--;
          const isLast = folders === 0;
          if (isLast) release();
          await rm(isLast ? all : own, { recursive: true, force: true });
        },
      };
    },
    watch(pid) {
      watched.add(pid);
      tell(`+ ${pid}\n`);
    },
    forget(pid) {
      if (watched.delete(pid) && guard !== undefined) tell(`- ${pid}\n`);
    },
  };
}
