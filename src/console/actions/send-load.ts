import { IsthmusError } from "../../base/index.ts";
import type { LoadAction } from "../api.ts";
import type { Reader } from "../reader.ts";
import type { Prepared } from "./contracts.ts";

const most = { rate: 1000, seconds: 600, connections: 100 };

/** Sends requests in the name of a workload, for a while. */
export function sendLoad(reader: Reader, action: LoadAction): Prepared {
  const { from, url, rate, seconds, connections } = action;
  for (const [field, limit] of Object.entries(most)) {
    const value = action[field as keyof typeof most];
    if (!Number.isInteger(value) || value < 1 || value > limit)
      throw new IsthmusError("arguments/wrong", `the load's ${field} is to be from 1 to ${limit}`);
  }
  const target = targetOf(url);
  return {
    summary: `${from.name} in ${from.namespace} of ${from.cluster} asks for ${target} ${rate} times a second, for ${seconds} s. Everything that rules over its requests rules over these.`,
    commands: [
      [
        `isthmus load ${shellWord(target)} --from ${from.kind.toLowerCase()}/${from.name}.${from.namespace}`,
        `--cluster ${from.cluster} --rate ${rate} --duration ${seconds}s --connections ${connections}`,
      ].join(" "),
    ],
    changes: [],
    run: () => reader.loads.start({ from, url: target, rate, seconds, connections }),
  };
}

function targetOf(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  // Its sidecar makes mutual TLS of it: a workload in a mesh asks in plain HTTP.
  if (url === undefined || url.protocol !== "http:" || url.username !== "" || url.password !== "")
    throw new IsthmusError("arguments/wrong", `"${text.slice(0, 200)}" is no http URL without credentials`, {
      nextStep:
        "As the workload would write it: http://SERVICE:PORT/PATH, or http://SERVICE.NAMESPACE:PORT/PATH.",
    });
  return url.href;
}

function shellWord(text: string): string {
  return /^[\w./:=,@%+-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
