import { type ReactNode, useState } from "react";
import { rangeText } from "../format.ts";
import { Icon } from "../icons.tsx";
import { setPaused, useConnection } from "../live.ts";
import { useQuery } from "../location.ts";
import { Ago } from "../parts/age.tsx";
import { Segments } from "../parts/segments.tsx";
import { LostNotice } from "../parts/states.tsx";

const ranges = [60, 300, 1800, 21_600];

/** Title of a page with its one-line summary, and what every page has: live or paused, range, theme. */
export function Top({
  title,
  summary,
  range,
  children,
}: {
  readonly title: ReactNode;
  readonly summary?: ReactNode;
  /** Absent on pages without rates. */
  readonly range?: number;
  readonly children?: ReactNode;
}) {
  const [, setRange] = useQuery("range");
  return (
    <header className="top">
      <h1 className="nowrap">{title}</h1>
      <span className="dimmer clip">{summary}</span>
      <span className="grow" />
      {children}
      <LiveState />
      {range === undefined ? null : (
        <Segments
          label="Time range of rates"
          value={range}
          options={ranges.map((value) => ({ value, text: rangeText(value).replace(/(\d)([a-z])/, "$1 $2") }))}
          onChange={(value) => setRange(value === 60 ? undefined : rangeText(value))}
        />
      )}
      <Theme />
    </header>
  );
}

/** A page under its title: grey, with its age, while the engine does not answer. */
export function PageBody({
  children,
  className = "",
}: {
  readonly children: ReactNode;
  readonly className?: string;
}) {
  const { state } = useConnection();
  return (
    <div className={`page ${state === "lost" ? "is-lost" : ""} ${className}`}>
      <LostNotice />
      {children}
    </div>
  );
}

function LiveState() {
  const { state, since } = useConnection();
  const isPaused = state === "paused";
  return (
    <>
      <span className={`live ${state}`} role="status">
        <i />
        {isPaused ? (
          <>
            Paused, <Frozen at={since} />
          </>
        ) : state === "lost" ? (
          <>
            Lost <Ago at={since} />
          </>
        ) : (
          "Live"
        )}
      </span>
      <button
        type="button"
        className="icon-button"
        onClick={() => setPaused(!isPaused)}
        title={isPaused ? "Go on (p)" : "Pause (p)"}
      >
        <Icon name={isPaused ? "play" : "pause"} />
        <span className="said">{isPaused ? "Go on" : "Pause"}</span>
      </button>
    </>
  );
}

function Frozen({ at }: { readonly at: number }) {
  return <time dateTime={new Date(at).toISOString()}>{new Date(at).toLocaleTimeString("en-GB")}</time>;
}

function Theme() {
  const [theme, setTheme] = useState(currentTheme);
  const next = theme === "dark" ? "light" : "dark";
  const change = () => {
    document.documentElement.dataset["theme"] = next;
    localStorage.setItem("isthmus.theme", next);
    setTheme(next);
  };
  return (
    <button type="button" className="icon-button" onClick={change} title={`Theme: ${next}`}>
      <Icon name={theme === "dark" ? "sun" : "moon"} />
      <span className="said">Switch to the {next} theme</span>
    </button>
  );
}

function currentTheme(): "light" | "dark" {
  return document.documentElement.dataset["theme"] === "dark" ? "dark" : "light";
}
