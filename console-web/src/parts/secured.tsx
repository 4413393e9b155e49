import { percentage } from "../format.ts";
import { Icon } from "../icons.tsx";

/** How much of the requests came over mutual TLS; a dash where nobody knows. */
export function Secured({ part }: { readonly part: number | undefined }) {
  if (part === undefined) return <span className="dimmer">–</span>;
  return (
    <span className={`row tight ${part === 1 ? "dim" : "warn"}`}>
      <Icon name={part === 1 ? "lock" : "unlock"} size={14} />
      {part === 1 ? "all" : part === 0 ? "none" : `${percentage(part)} %`}
    </span>
  );
}
