import type { ProxySummary, WorkloadRow } from "../../../src/console/api.ts";
import { Status } from "./states.tsx";

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
