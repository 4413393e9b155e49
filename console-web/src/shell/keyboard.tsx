import { useEffect, useState } from "react";
import type { MeshPage } from "../../../src/console/api.ts";
import { setPaused, useConnection } from "../live.ts";
import { navigate } from "../location.ts";
import { Dialog } from "../parts/dialog.tsx";
import { listedViews, views } from "../views.ts";
import { Search } from "./search.tsx";

/** How long the second key of two may take, in milliseconds. */
const secondKey = 1200;

/** Keys that work everywhere: search, go to a page, pause, help. */
export function Keyboard({
  mesh,
  isSearching,
  setSearching,
}: {
  readonly mesh: MeshPage | undefined;
  readonly isSearching: boolean;
  readonly setSearching: (value: boolean) => void;
}) {
  const { state } = useConnection();
  const [isHelping, setHelping] = useState(false);
  useEffect(() => {
    let goingSince = 0;
    const press = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
      const isSecond = Date.now() - goingSince < secondKey;
      goingSince = 0;
      const goal = isSecond ? views.find(({ key }) => key === event.key) : undefined;
      if (goal !== undefined) navigate(goal.path);
      else if (event.key === "g") goingSince = Date.now();
      else if (event.key === "/") setSearching(true);
      else if (event.key === "p") setPaused(state !== "paused");
      else if (event.key === "?") setHelping(true);
      else if (event.key === "j" || event.key === "k") moveRow(event.key === "j" ? 1 : -1);
      else return;
      event.preventDefault();
    };
    window.addEventListener("keydown", press);
    return () => window.removeEventListener("keydown", press);
  }, [state, setSearching]);
  return (
    <>
      {isSearching ? <Search mesh={mesh} onClose={() => setSearching(false)} /> : null}
      {isHelping ? <Help mesh={mesh} onClose={() => setHelping(false)} /> : null}
    </>
  );
}

/** Rows that open something are links or buttons that say so; these keys go through them. */
function moveRow(by: number): void {
  const rows = [...document.querySelectorAll<HTMLElement>("main [data-row]")];
  if (rows.length === 0) return;
  const at = rows.indexOf(document.activeElement as HTMLElement);
  const next = at < 0 ? (by > 0 ? 0 : rows.length - 1) : Math.min(rows.length - 1, Math.max(0, at + by));
  rows[next]?.focus();
}

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (/^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName) || target.closest("dialog") !== null)
  );
}

function Help({ mesh, onClose }: { readonly mesh: MeshPage | undefined; readonly onClose: () => void }) {
  const keys: readonly (readonly [readonly string[], string])[] = [
    [["/"], "Go to anything"],
    ...listedViews(mesh).flatMap(({ key, title }) =>
      key === undefined ? [] : [[["g", key], title] as const],
    ),
    [["j", "k"], "Next row, row before"],
    [["Enter"], "Open"],
    [["Esc"], "Close"],
    [["p"], "Pause, go on"],
    [["?"], "This help"],
  ];
  return (
    <Dialog title="Keys" width={360} onClose={onClose}>
      <dl className="keys">
        {keys.map(([combination, what]) => (
          <div key={what} style={{ display: "contents" }}>
            <dt>
              {combination.map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
