import { useState } from "react";
import type { WorkloadRow } from "../../../src/console/api.ts";
import { Icon } from "../icons.tsx";
import { ActionDialog } from "./action-dialog.tsx";
import { usePlan } from "./use-plan.ts";

/** Runs more or fewer pods of a workload. */
export function ScaleWorkload({ row, onClose }: { readonly row: WorkloadRow; readonly onClose: () => void }) {
  const [replicas, setReplicas] = useState(row.pods.wanted);
  const { cluster, namespace, kind, name } = row;
  const planned = usePlan({ kind: "scale", workload: { cluster, namespace, kind, name }, replicas }, onClose);
  return (
    <ActionDialog
      title={`Scale ${name} in ${namespace} of ${cluster}`}
      width={520}
      planned={planned}
      isSame={replicas === row.pods.wanted}
      onClose={onClose}
    >
      <div className="row">
        <span className="grow">Pods wanted</span>
        <button
          type="button"
          className="button"
          onClick={() => setReplicas(Math.max(0, replicas - 1))}
          title="One less"
        >
          <Icon name="minus" size={12} />
          <span className="said">One less</span>
        </button>
        <b className="bold" style={{ width: 32, textAlign: "center" }} aria-live="polite">
          {replicas}
        </b>
        <button type="button" className="button" onClick={() => setReplicas(replicas + 1)} title="One more">
          <Icon name="plus" size={12} />
          <span className="said">One more</span>
        </button>
      </div>
    </ActionDialog>
  );
}
