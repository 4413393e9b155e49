import { duration } from "../format.ts";
import { useNow } from "./age.tsx";
import { Status } from "./states.tsx";

const day = 24 * 3600 * 1000;
/** From here on an end is worth a warning. */
const soon = 30 * day;

/** How long a certificate is still good. */
export function Until({
  at,
  isShort = false,
}: {
  /** Milliseconds since 1970. */
  readonly at: number;
  /** Without the date, which is in the title then. */
  readonly isShort?: boolean;
}) {
  const now = useNow();
  const left = at - now;
  const date = new Date(at).toISOString().slice(0, 10);
  return (
    <span title={`until ${date}`}>
      <Status tone={left < 0 ? "fail" : left < soon ? "warn" : "ok"}>
        {left < 0 ? `ended ${duration(-left)} ago` : `${duration(left)}${isShort ? "" : `, until ${date}`}`}
      </Status>
    </span>
  );
}
