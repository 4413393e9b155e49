import type { ReactNode } from "react";
import type { ApiFailure } from "../../../src/console/api.ts";
import { Icon } from "../icons.tsx";
import { useConnection } from "../live.ts";
import { Ago } from "./age.tsx";
import { Copyable } from "./copyable.tsx";

/** Nothing to show: what would be here, and the one command that fills it. */
export function Empty({
  title,
  children,
  command,
}: {
  readonly title: string;
  readonly children?: ReactNode;
  readonly command?: string;
}) {
  return (
    <div className="empty">
      <h2>{title}</h2>
      {children === undefined ? null : <p>{children}</p>}
      {command === undefined ? null : <Copyable text={command} />}
    </div>
  );
}

/** The part of the page that failed, and what to do. */
export function Failure({ failure }: { readonly failure: ApiFailure }) {
  return (
    <div className="notice fail" role="alert">
      <Icon name="bad" />
      <div>
        <p>{failure.message}</p>
        <p className="small dim">
          {failure.nextStep ?? "It is tried again by itself."} <code>{failure.code}</code>
        </p>
      </div>
    </div>
  );
}

/** Says that a cluster does not answer: what is shown of it is what it said last. */
export function Away({
  cluster,
  since,
  reason,
}: {
  readonly cluster: string;
  readonly since?: number;
  readonly reason: string;
}) {
  return (
    <div className="notice">
      <Icon name="clock" />
      <p>
        <b className="bold">{cluster}</b> does not answer
        {since === undefined || since === 0 ? "" : ": what is shown of it was so "}
        {since === undefined || since === 0 ? null : <Ago at={since} />}.{" "}
        <span className="dim">{reason}</span>
      </p>
    </div>
  );
}

/** A place that is held while the first answer is awaited. */
export function Skeleton({ height }: { readonly height: number }) {
  return <div className="skeleton" style={{ height }} aria-hidden="true" />;
}

/** A state as dot and word: never by colour alone. */
export function Status({
  tone,
  children,
}: {
  readonly tone: "ok" | "warn" | "fail" | "stale";
  readonly children: ReactNode;
}) {
  return (
    <span className={`row tight small nowrap ${tone}`}>
      <span className="dot" />
      {children}
    </span>
  );
}

/** Said above what is shown while the engine does not answer. */
export function LostNotice() {
  const { state, since } = useConnection();
  if (state !== "lost") return null;
  return (
    <div className="notice warn" role="status">
      <Icon name="warning" />
      <p>
        The engine does not answer: everything below was so <Ago at={since} />. <code>isthmus status</code>{" "}
        says more; this page goes on by itself when it is back.
      </p>
    </div>
  );
}
