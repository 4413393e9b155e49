import type { ProxySummary, WorkloadRow } from "../../../src/console/api.ts";
import { Status } from "./states.tsx";

type Tone = "ok" | "warn" | "fail" | "stale";

const words: Readonly<Record<string, readonly [tone: Tone, word: string]>> = {
  SYNCED: ["ok", "in sync"],
  STALE: ["warn", "has not taken what was sent"],
  "NOT SENT": ["warn", "nothing sent yet"],
  "NOT CONNECTED": ["fail", "not connected"],
};

/** How one proxy stands, by the state that its control plane tells of it. */
export function proxyWord(state: string | undefined, refuses: boolean): readonly [tone: Tone, word: string] {
  if (refuses) return ["fail", "refuses what is sent"];
  return words[state ?? ""] ?? ["stale", "none"];
}

/** How the proxies of a workload stand with their control plane. */
export function ProxyStatus({
  proxies,
  role,
}: {
  readonly proxies: ProxySummary;
  readonly role: WorkloadRow["role"];
}) {
  if (proxies.state === "none")
    return role === "app" ? <Status tone="stale">not in the mesh</Status> : <span className="dimmer">–</span>;
  const { state, synced, total } = proxies;
  if (state === "synced")
    return (
      <Status tone="ok">
        {synced} of {total} in sync
      </Status>
    );
  return (
    <Status tone={state === "stale" ? "warn" : "fail"}>
      {synced} of {total} {state === "stale" ? "in sync" : "connected"}
    </Status>
  );
}
