import type { ReactNode } from "react";

/** More would push the other columns of a table out of sight. */
const most = 8;

/** The first of many in one line, and how many more there are. */
export function FirstFew({
  items,
  isTight = false,
}: {
  readonly items: readonly ReactNode[];
  readonly isTight?: boolean;
}) {
  return (
    <span className={isTight ? "row tight" : "row"}>
      {items.slice(0, most)}
      {items.length > most ? <span className="tiny dimmer">+{items.length - most}</span> : null}
    </span>
  );
}
