import type { Action } from "../../../src/console/api.ts";
import { ActionDialog } from "./action-dialog.tsx";
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
    <ActionDialog {...{ title, verb, planned, onClose }} width={520}>
      {planned.plan === undefined ? null : <p>{planned.plan.summary}</p>}
    </ActionDialog>
  );
}
