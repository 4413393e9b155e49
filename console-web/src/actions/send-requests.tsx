import { type ReactNode, useId, useState } from "react";
import type {
  LoadAction,
  LoadsPage,
  ServicesPage,
  WorkloadId,
  WorkloadsPage,
} from "../../../src/console/api.ts";
import { useLive } from "../live.ts";
import { LoadProgress } from "../parts/load-progress.tsx";
import { ActionDialog } from "./action-dialog.tsx";
import { usePlan } from "./use-plan.ts";

const limits = { rate: 1000, seconds: 600, connections: 100 } as const;

/** Requests from a workload to a URL for a while, and what comes back. */
export function SendRequests({
  from,
  url: givenUrl = "",
  onClose,
}: {
  /** Absent: one of all workloads is chosen. */
  readonly from?: WorkloadId;
  readonly url?: string;
  readonly onClose: () => void;
}) {
  const [sender, setSender] = useState(from);
  const [url, setUrl] = useState(givenUrl);
  const [amount, setAmount] = useState({ rate: 10, seconds: 60, connections: 10 });
  const action: LoadAction | undefined =
    sender === undefined || url === "" ? undefined : { kind: "load", from: sender, url, ...amount };
  const planned = usePlan(action);
  const loads = useLive<LoadsPage>(planned.isDone ? "/api/loads" : undefined).body?.loads;
  const sent = loads?.find((load) => isOf(load, action));
  const number = (field: keyof typeof limits, label: string) => (
    <label className="field-row">
      <span>{label}</span>
      <input
        className="field"
        type="number"
        min={1}
        max={limits[field]}
        value={amount[field]}
        onChange={(event) => setAmount({ ...amount, [field]: Number(event.target.value) })}
      />
    </label>
  );
  return (
    <ActionDialog
      title={from === undefined ? "Send requests" : `Send requests from ${from.name} in ${from.cluster}`}
      width={600}
      verb="Send"
      planned={planned}
      whenDone="They go on when this is closed: the sidebar has them."
      onClose={onClose}
    >
      {from === undefined ? <Sender sender={sender} onChange={setSender} /> : null}
      <Target url={url} onChange={setUrl} />
      <div className="row">
        {number("rate", "Requests a second")}
        {number("seconds", "Seconds")}
        {number("connections", "Connections")}
      </div>
      {sent === undefined ? null : <LoadProgress load={sent} />}
    </ActionDialog>
  );
}

/** The workload in whose name requests are sent. */
function Sender({
  sender,
  onChange,
}: {
  readonly sender: WorkloadId | undefined;
  onChange(sender: WorkloadId | undefined): void;
}) {
  const { body } = useLive<WorkloadsPage>("/api/workloads?range=60");
  const possible = (body?.workloads ?? []).filter(({ role, pods }) => role === "app" && pods.ready > 0);
  const idOf = ({ cluster, namespace, kind, name }: WorkloadId) => `${cluster}/${namespace}/${kind}/${name}`;
  return (
    <label className="field-row">
      <span>From</span>
      <select
        className="field"
        value={sender === undefined ? "" : idOf(sender)}
        onChange={(event) => {
          const found = possible.find((one) => idOf(one) === event.target.value);
          const { cluster = "", namespace = "", kind = "", name = "" } = found ?? {};
          onChange(found === undefined ? undefined : { cluster, namespace, kind, name });
        }}
      >
        <option value="">A workload …</option>
        {possible.map((one) => (
          <option key={idOf(one)} value={idOf(one)}>
            {one.name} in {one.namespace} of {one.cluster}
          </option>
        ))}
      </select>
    </label>
  );
}

/** Where they go: any URL, with the mesh's services at hand. */
function Target({ url, onChange }: { readonly url: string; onChange(url: string): void }): ReactNode {
  const { body } = useLive<ServicesPage>("/api/services?range=60");
  const list = useId();
  return (
    <label className="field-row">
      <span>URL, as the workload would write it</span>
      <input
        className="field"
        list={list}
        placeholder="http://SERVICE.NAMESPACE:PORT/PATH"
        value={url}
        onChange={(event) => onChange(event.target.value)}
      />
      <datalist id={list}>
        {body?.services.flatMap(({ name, namespace, ports }) =>
          ports.map((port) => (
            <option key={port} value={`http://${name}.${namespace}:${parseInt(port, 10)}/`} />
          )),
        )}
      </datalist>
    </label>
  );
}

/** Whether a load is one that was asked for by `action`; the newest comes first. */
function isOf(load: LoadsPage["loads"][number], action: LoadAction | undefined): boolean {
  if (action === undefined || !URL.canParse(action.url)) return false;
  const { from, rate, seconds, connections } = action;
  return (
    load.url === new URL(action.url).href &&
    JSON.stringify([load.from, load.rate, load.seconds, load.connections]) ===
      JSON.stringify([from, rate, seconds, connections])
  );
}
