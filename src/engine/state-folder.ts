import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { IsthmusError } from "../base/index.ts";
import { holderOf, releaseLock, takeLock } from "./process-lock.ts";

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
  /** Folder of a rotation of CAs that is under way. */
  readonly rotation: string;
  readJson<T>(name: string): T | undefined;
  /** Writes whole or not at all, readable by the owner only. */
  writeJson(name: string, value: unknown): void;
  /** Takes the folder for this process. engine/already-running when another live process has it. */
  lock(): void;
  unlock(): void;
  /** Id of the living process that has the folder. */
  readonly holder: number | undefined;
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
    rotation: inside("rotation"),
    clusterFolder(cluster) {
      const place = inside(`clusters/${cluster}`);
      mkdirSync(place, { recursive: true, mode: 0o700 });
      return place;
    },
    readJson,
    writeJson,
    lock() {
      if (!takeLock(lockFile)) throw alreadyRunning(folder, holderOf(lockFile));
    },
    unlock: () => releaseLock(lockFile),
    get holder() {
      return holderOf(lockFile);
    },
    get engineAddress() {
      return readJson<EngineAddress>("engine.json");
    },
    announceEngine(address) {
      if (address === undefined) rmSync(inside("engine.json"), { force: true });
      else writeJson("engine.json", address);
    },
  };
}

function alreadyRunning(folder: string, holder: number | undefined): IsthmusError {
  return new IsthmusError(
    "engine/already-running",
    holder === undefined
      ? `another isthmus is just starting from ${folder}`
      : `a mesh already runs from ${folder} (process ${holder})`,
    { nextStep: "isthmus status shows it, isthmus down ends it; another state folder: --state DIR." },
  );
}

/** The error of commands that need a running mesh. */
export function notRunning(folder: string): IsthmusError {
  return new IsthmusError("engine/not-running", `no mesh is running from ${folder}`, {
    nextStep: "Start it with isthmus up, or name its state folder with --state.",
  });
}

function isMissing(reason: unknown): boolean {
  return reason instanceof Error && "code" in reason && reason.code === "ENOENT";
}

function messageOf(reason: unknown): string {
  return reason instanceof Error ? reason.message : String(reason);
}
