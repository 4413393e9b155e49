import { useState } from "react";
import type { MeshCluster } from "../../../src/console/api.ts";
import { ConfirmAction } from "../actions/confirm-action.tsx";
import { Icon } from "../icons.tsx";

/** Stops or starts a cluster, after saying what that means. */
export function ClusterSwitch({
  cluster: { name, state },
}: {
  readonly cluster: Pick<MeshCluster, "name" | "state">;
}) {
  const [isOpen, setOpen] = useState(false);
  const isStopped = state === "stopped";
  const verb = isStopped ? "Start" : "Stop";
  return (
    <>
      <button
        type="button"
        className="icon-button over-card"
        onClick={() => setOpen(true)}
        title={`${verb} ${name}`}
      >
        <Icon name={isStopped ? "play" : "stop"} size={14} />
        <span className="said">
          {verb} {name}
        </span>
      </button>
      {isOpen ? (
        <ConfirmAction
          title={`${verb} ${name}`}
          verb={verb}
          action={{ kind: "cluster", cluster: name, wanted: isStopped ? "running" : "stopped" }}
          onClose={() => setOpen(false)}
        />
      ) : null}
    </>
  );
}
