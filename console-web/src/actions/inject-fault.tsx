import { useState } from "react";
import type { Action } from "../../../src/console/api.ts";
import { ActionDialog } from "./action-dialog.tsx";
import { usePlan } from "./use-plan.ts";

/** Delays or fails a part of the requests to a service, to see what then happens. */
export function InjectFault({
  namespace,
  service,
  onClose,
}: {
  readonly namespace: string;
  readonly service: string;
  readonly onClose: () => void;
}) {
  const [delay, setDelay] = useState({ percentage: 0, milliseconds: 1000 });
  const [abort, setAbort] = useState({ percentage: 10, status: 503 });
  const action: Action = {
    kind: "fault",
    namespace,
    service,
    ...(delay.percentage > 0 ? { delay } : {}),
    ...(abort.percentage > 0 ? { abort } : {}),
  };
  const planned = usePlan(action);
  const isNone = delay.percentage === 0 && abort.percentage === 0;
  return (
    <ActionDialog
      title={`Faults of ${service} in ${namespace}`}
      width={600}
      verb={isNone ? "Take faults away" : "Apply"}
      planned={planned}
      whenDone="Written. Set both to 0 % to take it away again."
      onClose={onClose}
    >
      <div className="fault-row">
        <Part
          label="are answered with"
          value={abort.percentage}
          onChange={(percentage) => setAbort({ ...abort, percentage })}
        />
        <select
          className="field"
          aria-label="Status of aborted requests"
          value={abort.status}
          onChange={(event) => setAbort({ ...abort, status: Number(event.target.value) })}
        >
          {[400, 403, 404, 429, 500, 502, 503, 504].map((status) => (
            <option key={status}>{status}</option>
          ))}
        </select>
      </div>
      <div className="fault-row">
        <Part
          label="wait for"
          value={delay.percentage}
          onChange={(percentage) => setDelay({ ...delay, percentage })}
        />
        <span className="row tight">
          <input
            className="field"
            type="number"
            min={1}
            max={3_600_000}
            step={100}
            style={{ width: 84 }}
            aria-label="Delay in milliseconds"
            value={delay.milliseconds}
            onChange={(event) => setDelay({ ...delay, milliseconds: Number(event.target.value) })}
          />
          ms
        </span>
      </div>
    </ActionDialog>
  );
}

function Part({
  label,
  value,
  onChange,
}: {
  readonly label: string;
  readonly value: number;
  readonly onChange: (value: number) => void;
}) {
  return (
    <>
      <input
        type="range"
        min={0}
        max={100}
        aria-label={`Percent of requests that ${label}`}
        value={value}
        onChange={(event) => onChange(Number(event.target.value))}
      />
      <b className="bold" style={{ width: 44 }}>
        {value} %
      </b>
      <span className="nowrap">{label}</span>
    </>
  );
}
