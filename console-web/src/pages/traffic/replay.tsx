import { useQuery } from "../../location.ts";
import { useNow } from "../../parts/age.tsx";

/** Telemetry keeps no more than this, in milliseconds. */
const kept = 3600 * 1000;

/** Moves the graph to an earlier moment. */
export function Replay({ since, onEnd }: { readonly since: number; readonly onEnd: () => void }) {
  const now = useNow();
  const [at, setAt] = useQuery("at");
  const first = Math.max(since, now - kept);
  const moment = at === undefined ? now : Number(at);
  return (
    <div className="row card replay">
      <span className="small dimmer nowrap">{new Date(first).toLocaleTimeString("en-GB")}</span>
      <input
        type="range"
        className="grow"
        aria-label="Moment"
        aria-valuetext={new Date(moment).toLocaleTimeString("en-GB")}
        min={first}
        max={now}
        step={5000}
        value={moment}
        onChange={(event) => setAt(event.target.value)}
      />
      <b className="bold nowrap">{at === undefined ? "now" : new Date(moment).toLocaleTimeString("en-GB")}</b>
      <button
        type="button"
        className="button"
        onClick={() => {
          setAt(undefined);
          onEnd();
        }}
      >
        Back to now
      </button>
    </div>
  );
}
