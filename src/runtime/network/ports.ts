import { readFileSync } from "node:fs";

/** Remembers which ports had to move because this user may not bind them. */
export interface PortMap {
  /** Whether binding `port` is worth trying. */
  mayBind(port: number): boolean;
  /** Where to look for what was bound as `address`:`port`. */
  real(address: string, port: number): number;
  /** A port that may be bound instead of `port`, not used on `address` by this map yet. */
  substitute(address: string, port: number): number;
  /** Tells that `address`:`port` is found at `real` from now on. */
  move(address: string, port: number, real: number): void;
  /** Forgets a port of `address`, or all of them. */
  forget(address: string, port?: number): void;
}

/** What stands in the warning about ports that moved. */
export const lowPortSysctl = "net.ipv4.ip_unprivileged_port_start";

/**
 * A map for a user that may bind ports from `firstFree` on. `onMove` is told once, at the first port that moves.
 */
export function createPortMap(
  firstFree: number,
  onMove: (address: string, port: number, real: number) => void,
): PortMap {
  const moved = new Map<string, Map<number, number>>();
  let told = false;
  const of = (address: string) => {
    const known = moved.get(address) ?? new Map<number, number>();
    moved.set(address, known);
    return known;
  };
  return {
    mayBind: (port) => port === 0 || port >= firstFree,
    real: (address, port) => moved.get(address)?.get(port) ?? port,
    substitute(address, port) {
      const taken = new Set(moved.get(address)?.values());
      // Easy to recognise: 80 is found at 10080, 443 at 10443.
      let candidate = 10000 + port;
      while (taken.has(candidate)) candidate += 1024;
      return candidate;
    },
    move(address, port, real) {
      of(address).set(port, real);
      if (told) return;
      told = true;
      onMove(address, port, real);
    },
    forget(address, port) {
      if (port === undefined) moved.delete(address);
      else if (moved.get(address)?.delete(port) && moved.get(address)?.size === 0) moved.delete(address);
    },
  };
}

/** The lowest port that this process may bind, from the kernel's settings; 1024 where they can't be read. */
export function lowestBindablePort(): number {
  try {
    const start = Number(readFileSync(`/proc/sys/${lowPortSysctl.replaceAll(".", "/")}`, "utf8"));
    const capabilities =
      /^CapEff:\s*([0-9a-f]+)/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? "0";
    const netBindService = 1n << 10n;
    return (BigInt(`0x${capabilities}`) & netBindService) === 0n ? start : 1;
  } catch {
    return 1024;
  }
}
