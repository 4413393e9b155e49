import type { Action } from "../../../src/console/api.ts";
import { Dialog } from "../parts/dialog.tsx";
import { PlanView } from "./plan-view.tsx";
import { usePlan } from "./use-plan.ts";

/** Shows what an action does and does it when told so. */
export function ConfirmAction({
  title,
  verb,
  action,
  onClose,
}: {
  readonly title: string;
  /** Of the button: "Stop". */
  readonly verb: string;
  readonly action: Action;
  readonly onClose: () => void;
}) {
  const planned = usePlan(action, onClose);
  return (
    <Dialog
      title={title}
      width={520}
      onClose={onClose}
      footer={
        <>
          <span className="grow" />
          <button type="button" className="button" onClick={onClose}>
            Cancel
          </button>
          <button
            type="button"
            className="button primary"
            disabled={planned.plan === undefined || planned.isApplying}
            onClick={planned.apply}
          >
            {planned.isApplying ? "Working …" : verb}
          </button>
        </>
      }
    >
      <div className="dialog-body">
        {planned.plan === undefined ? null : <p>{planned.plan.summary}</p>}
        <PlanView planned={planned} />
      </div>
    </Dialog>
  );
}
