import { useState } from "react";
import type { MeshLink } from "../../../../src/console/api.ts";
import { ConfirmAction } from "../../actions/confirm-action.tsx";
import { Icon } from "../../icons.tsx";

/** Cuts what is between two clusters, or heals it: both ways at once. */
export function LinkSwitch({ link: { from, to, isCut } }: { readonly link: MeshLink }) {
  const [isOpen, setOpen] = useState(false);
  const verb = isCut ? "Heal" : "Cut";
  const label = `${verb} the link between ${from} and ${to}`;
  return (
    <>
      <button type="button" className="icon-button" onClick={() => setOpen(true)} title={label}>
        <Icon name={isCut ? "tick" : "cut"} size={14} />
        <span className="said">{label}</span>
      </button>
      {isOpen ? (
        <ConfirmAction
          title={label}
          verb={verb}
          action={{ kind: "link", between: [from, to], wanted: isCut ? "whole" : "cut" }}
          onClose={() => setOpen(false)}
        />
      ) : null}
    </>
  );
}
