import { useState } from "react";
import type { ShownFinding } from "../../../../src/console/api.ts";
import { ConfirmAction } from "../../actions/confirm-action.tsx";
import { Icon } from "../../icons.tsx";
import { Ago } from "../../parts/age.tsx";
import { Copyable } from "../../parts/copyable.tsx";
import { ObjectTag } from "../../parts/object-tag.tsx";

const looks = {
  error: { tone: "fail", icon: "bad", word: "Error" },
  warning: { tone: "warn", icon: "warning", word: "Warning" },
  info: { tone: "dimmer", icon: "info", word: "Hint" },
} as const;

/** One finding: its effect first, then cause, what was read, and the way out. */
export function FindingCard({
  finding,
  isMuted,
  onMute,
}: {
  readonly finding: ShownFinding;
  readonly isMuted: boolean;
  readonly onMute: () => void;
}) {
  const { severity, code, istioCode, effect, cause, evidence, objects, firstSeen, fix } = finding;
  const [isOpen, setOpen] = useState(severity === "error");
  const { tone, icon, word } = looks[severity];
  return (
    <li className="card finding">
      <div className={`finding-icon ${tone}`}>
        <Icon name={icon} />
        <span className="said">{word}</span>
      </div>
      <div className="grow column" style={{ gap: 6 }}>
        <div className="row">
          <button
            type="button"
            className="finding-title grow"
            aria-expanded={isOpen}
            onClick={() => setOpen(!isOpen)}
            data-row
          >
            {effect}
          </button>
          <span className="tiny dimmer nowrap">
            since <Ago at={firstSeen} />
          </span>
          <button
            type="button"
            className="icon-button"
            onClick={onMute}
            title={isMuted ? "Hear of it again" : "Mute in this browser"}
            aria-pressed={isMuted}
          >
            <Icon name="mute" size={14} />
            <span className="said">{isMuted ? "Hear of it again" : "Mute"}</span>
          </button>
        </div>
        <p className="dim">{cause}</p>
        <div className="tags">
          {objects.slice(0, 6).map((object) => (
            <ObjectTag
              key={`${object.cluster}/${object.kind}/${object.namespace}/${object.name}`}
              object={object}
            />
          ))}
          {objects.length > 6 ? <span className="tiny dimmer">and {objects.length - 6} more</span> : null}
          <span className="grow" />
          <code className="tiny dimmer">{istioCode === undefined ? code : `${code} · ${istioCode}`}</code>
        </div>
        {isOpen ? (
          <dl className="finding-more">
            {evidence.length === 0 ? null : (
              <>
                <dt>Evidence</dt>
                <dd>
                  <pre className="code">{evidence.join("\n")}</pre>
                </dd>
              </>
            )}
            <dt>Fix</dt>
            <dd>
              <Fix finding={finding} />
            </dd>
          </dl>
        ) : (
          <p>
            <span className="dimmer">Fix</span> <span className="clip">{fix}</span>
          </p>
        )}
      </div>
    </li>
  );
}

/** The way out: done from here where it leaves nothing to choose, told otherwise. */
function Fix({ finding: { id, effect, fix, commands } }: { readonly finding: ShownFinding }) {
  const [isOpen, setOpen] = useState(false);
  const told = commands.length > 0 ? commands : [commandIn(fix)].filter((one) => one !== undefined);
  return (
    <div className="column" style={{ gap: 6 }}>
      {told.join(" && ") === fix ? null : <p>{fix}</p>}
      {told.map((command) => (
        <Copyable key={command} text={command} />
      ))}
      {commands.length === 0 ? null : (
        <div>
          <button
            type="button"
            className="button"
            onClick={() => setOpen(true)}
            aria-label={`Apply the fix of: ${effect}`}
          >
            Apply this fix
          </button>
        </div>
      )}
      {isOpen ? (
        <ConfirmAction
          title="Apply this fix"
          verb="Apply"
          action={{ kind: "fix", finding: id }}
          onClose={() => setOpen(false)}
        />
      ) : null}
    </div>
  );
}

/** The command of a fix, where its text holds one to its end. */
function commandIn(fix: string): string | undefined {
  return /\b(?:kubectl|isthmus|istioctl) \S.*$/.exec(fix)?.[0];
}
