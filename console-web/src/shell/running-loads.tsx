import { useState } from "react";
import type { LoadsPage } from "../../../src/console/api.ts";
import { useLive } from "../live.ts";
import { ClusterMark } from "../parts/cluster-mark.tsx";
import { Dialog } from "../parts/dialog.tsx";
import { LoadProgress } from "../parts/load-progress.tsx";

/** The requests that this console sends, wherever one looks meanwhile; nothing without any. */
export function RunningLoads() {
  const loads = useLive<LoadsPage>("/api/loads").body?.loads ?? [];
  const [open, setOpen] = useState<string>();
  const shown = loads.find(({ id }) => id === open);
  const running = loads.filter(({ state }) => state !== "ended");
  return (
    <>
      {running.length === 0 ? null : (
        <>
          <div className="group">
            <span>Requests sent</span>
            <span>a second</span>
          </div>
          <ul className="cluster-list" aria-label="Requests sent">
            {running.map(({ id, from, url, rate }) => (
              <li key={id}>
                <button type="button" title={`${from.name} → ${url}`} onClick={() => setOpen(id)}>
                  <ClusterMark name={from.cluster} />
                  <span className="clip">
                    {from.name} → {new URL(url).hostname}
                  </span>
                  <span className="seen">{rate}</span>
                </button>
              </li>
            ))}
          </ul>
        </>
      )}
      {shown === undefined ? null : (
        <Dialog title={`${shown.from.name} → ${shown.url}`} width={560} onClose={() => setOpen(undefined)}>
          <div className="dialog-body">
            <LoadProgress load={shown} />
          </div>
        </Dialog>
      )}
    </>
  );
}
