import type { ReactNode } from "react";
import { Dialog } from "../parts/dialog.tsx";
import { PlanView } from "./plan-view.tsx";
import type { Planned } from "./use-plan.ts";

/** A window that shows what an action would change, and does it when told so. */
export function ActionDialog({
  title,
  width,
  verb = "Apply",
  planned,
  isSame = false,
  whenDone,
  onClose,
  children,
}: {
  readonly title: string;
  readonly width: number;
  /** Of the button: "Stop". */
  readonly verb?: string;
  readonly planned: Planned;
  /** Nothing would change, so there is nothing to apply. */
  readonly isSame?: boolean;
  /** What is said after it was applied, by windows that stay open then. */
  readonly whenDone?: string;
  readonly onClose: () => void;
  readonly children?: ReactNode;
}) {
  const { isCurrent, isApplying, isDone, apply } = planned;
  const hint = whenDone === undefined ? "" : isDone ? whenDone : "Nothing is written before Apply.";
  return (
    <Dialog
      title={title}
      width={width}
      onClose={onClose}
      footer={
        <>
          <span className="small dimmer grow">{hint}</span>
          <button type="button" className="button" onClick={onClose}>
            {isDone ? "Close" : "Cancel"}
          </button>
          <button
            type="button"
            className="button primary"
            disabled={!isCurrent || isApplying || isDone || isSame}
            onClick={apply}
          >
            {isApplying ? "Working …" : verb}
          </button>
        </>
      }
    >
      <div className="dialog-body">
        {children}
        <PlanView planned={planned} />
      </div>
    </Dialog>
  );
}
