/** "3 of 4", marked when some are missing. */
export function PartOf({
  part,
  total,
}: {
  /** Absent, as `total`: not known. */
  readonly part?: number | undefined;
  readonly total?: number | undefined;
}) {
  if (part === undefined || total === undefined) return <span className="dimmer">–</span>;
  if (total === 0) return <span className="dimmer">none</span>;
  return (
    <span className={part < total ? "warn bold" : undefined}>
      {part} <span className={part < total ? undefined : "dim"}>of {total}</span>
    </span>
  );
}
