import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import path from "node:path";
import { IsthmusError } from "../base/index.ts";

/** Layout of the folder that this program reads and writes; another number in `format` is refused. */
const formatVersion = "1";

/** How a command reaches the engine of a state folder. The token is a secret. */
export interface EngineAddress {
  readonly pid: number;
  readonly port: number;
  readonly token: string;
}

/**
 * The folder in which a running mesh keeps everything that must survive it: addresses, keys, objects, the
 * kubeconfig, the log. Only the owner may read it. One engine at a time: `lock` refuses a second.
 */
export interface StateFolder {
  readonly path: string;
  readonly kubeconfig: string;
  readonly log: string;
  /** Folder of one cluster's own data; made on first use. */
  clusterFolder(cluster: string): string;
  /** Folder of generated CAs. */
  readonly trust: string;
  readJson<T>(name: string): T | undefined;
  /** Writes whole or not at all, readable by the owner only. */
  writeJson(name: string, value: unknown): void;
  /** Takes the folder for this process. engine/already-running when another live process has it. */
  lock(): void;
  unlock(): void;
  readonly engineAddress: EngineAddress | undefined;
  announceEngine(address: EngineAddress | undefined): void;
}

/** Opens the state folder at `folder`, making it when `create` is set. engine/not-running when it is missing. */
export function openStateFolder(folder: string, options: { readonly create: boolean }): StateFolder {
  if (!existsSync(folder)) {
    if (!options.create) throw notRunning(folder);
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  }
  const inside = (name: string) => path.join(folder, name);
  const formatFile = inside("format");
  if (existsSync(formatFile)) {
    const found = readFileSync(formatFile, "utf8").trim();
    if (found !== formatVersion) {
      throw new IsthmusError(
        "engine/state-format",
        `${folder} was written in format ${found}; this isthmus reads format ${formatVersion}`,
        {
          nextStep: `Use the isthmus that made it, or remove the folder to start afresh.`,
        },
      );
    }
  } else if (options.create) {
    writeFileSync(formatFile, `${formatVersion}\n`, { mode: 0o600 });
  }
  const lockFile = inside("lock");
  const readJson = <T>(name: string): T | undefined => {
    try {
      return JSON.parse(readFileSync(inside(name), "utf8")) as T;
    } catch (reason) {
      if (isMissing(reason)) return undefined;
      throw new IsthmusError("engine/state-format", `${inside(name)} can't be read: ${messageOf(reason)}`, {
        cause: reason,
        nextStep: `Remove ${inside(name)}, or the whole folder to start afresh.`,
      });
    }
  };
  const writeJson = (name: string, value: unknown) => {
    const file = inside(name);
    mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
    writeFileSync(`${file}.new`, `${JSON.stringify(value, undefined, 2)}\n`, { mode: 0o600 });
    renameSync(`${file}.new`, file);
  };
  return {
    path: folder,
    kubeconfig: inside("kubeconfig"),
    log: inside("engine.log"),
    trust: inside("trust"),
    clusterFolder(cluster) {
      const place = inside(`clusters/${cluster}`);
      mkdirSync(place, { recursive: true, mode: 0o700 });
      return place;
    },
    readJson,
    writeJson,
    lock: () => takeLock(lockFile, folder),
    unlock: () => rmSync(lockFile, { force: true }),
    get engineAddress() {
      return readJson<EngineAddress>("engine.json");
    },
    announceEngine(address) {
      if (address === undefined) rmSync(inside("engine.json"), { force: true });
      else writeJson("engine.json", address);
    },
  };
}

/** The error of commands that need a running mesh. */
export function notRunning(folder: string): IsthmusError {
  return new IsthmusError("engine/not-running", `no mesh is running from ${folder}`, {
    nextStep: "Start it with isthmus up, or name its state folder with --state.",
  });
}

/** A lock file names its process and that process' start time, so that a reused pid is not taken for it. */
function takeLock(lockFile: string, folder: string): void {
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      const file = openSync(lockFile, "wx", 0o600);
      writeSync(file, `${process.pid} ${startTime(process.pid) ?? ""}`);
      closeSync(file);
      return;
    } catch (reason) {
      if (!(reason instanceof Error && "code" in reason && reason.code === "EEXIST")) throw reason;
      const [pid = "", started = ""] = readFileSync(lockFile, "utf8").split(" ");
      if (isAlive(Number(pid), started)) {
        throw new IsthmusError(
          "engine/already-running",
          `a mesh already runs from ${folder} (process ${pid})`,
          {
            nextStep: "isthmus status shows it, isthmus down ends it; another state folder: --state DIR.",
          },
        );
      }
      rmSync(lockFile, { force: true });
    }
  }
  throw new IsthmusError("engine/already-running", `another isthmus is just starting from ${folder}`, {
    nextStep: "Wait for it, or name another state folder with --state.",
  });
}

function isAlive(pid: number, started: string): boolean {
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

function isMissing(reason: unknown): boolean {
  return reason instanceof Error && "code" in reason && reason.code === "ENOENT";
}

function messageOf(reason: unknown): string {
  return reason instanceof Error ? reason.message : String(reason);
}
