import { useState } from "react";
import type { PlannedObject } from "../../../src/console/api.ts";
import { count } from "../format.ts";
import { Copyable } from "../parts/copyable.tsx";
import { ObjectTag } from "../parts/object-tag.tsx";
import { Failure } from "../parts/states.tsx";
import { diffLines } from "./line-diff.ts";
import type { Planned } from "./use-plan.ts";

/** What an action writes, as YAML with what is new in it, before it is written. */
export function PlanView({ planned: { plan, failure } }: { readonly planned: Planned }) {
  return (
    <div className="plan">
      {failure === undefined ? null : <Failure failure={failure} />}
      {plan === undefined ? null : (
        <>
          {plan.objects.map((object) => (
            <ObjectDiff key={keyOf(object)} object={object} />
          ))}
          {plan.commands.map((command) => (
            <Copyable key={command} text={command} />
          ))}
        </>
      )}
    </div>
  );
}

function keyOf({ reference: { cluster, kind, namespace, name } }: PlannedObject): string {
  return `${cluster}/${kind}/${namespace}/${name}`;
}

function ObjectDiff({ object }: { readonly object: PlannedObject }) {
  const { reference, before = "", after = "" } = object;
  const lines = diffLines(before, after);
  const changed = lines.filter(({ kind }) => kind !== "same").length;
  const [isWhole, setWhole] = useState(false);
  const shown = isWhole ? lines : around(lines);
  return (
    <section>
      <div className="row" style={{ marginBottom: 6 }}>
        <ObjectTag object={reference} />
        <span className="small dimmer grow">
          {object.after === undefined
            ? "is deleted"
            : before === ""
              ? "is created"
              : changed === 0
                ? "stays as it is"
                : `${count(changed, "line")} change`}
        </span>
        {before === "" || changed === 0 ? null : (
          <button type="button" className="button quiet" onClick={() => setWhole(!isWhole)}>
            {isWhole ? "Only what changes" : "All of it"}
          </button>
        )}
      </div>
      {changed === 0 ? null : (
        <pre className="code">
          {shown.map(({ kind, text }, i) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: lines have no other identity.
            <span key={i} className={kind}>
              {{ same: "  ", taken: "- ", added: "+ " }[kind]}
              {text}
            </span>
          ))}
        </pre>
      )}
    </section>
  );
}

/** The changed lines with three around them; "…" for what is left out. */
function around(lines: ReturnType<typeof diffLines>): ReturnType<typeof diffLines> {
  const near = lines.map((_, i) =>
    lines.slice(Math.max(0, i - 3), i + 4).some(({ kind }) => kind !== "same"),
  );
  return lines.flatMap((line, i) =>
    near[i] === true ? [line] : i === 0 || near[i - 1] === true ? [{ kind: "same" as const, text: "…" }] : [],
  );
}
