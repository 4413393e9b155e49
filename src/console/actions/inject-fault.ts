import { IsthmusError } from "../../base/index.ts";
import type { VirtualService } from "../../discovery/index.ts";
import { kinds } from "../../kube/index.ts";
import type { Action } from "../api.ts";
import type { Reader } from "../reader.ts";
import { type Prepared, writeWhole } from "./contracts.ts";
import { defaultRule, hostOf, newObject, readRoutes } from "./routes.ts";

type Fault = Extract<Action, { readonly kind: "fault" }>;

/** Delays or fails a part of the requests to a service at their callers' proxies; without either, takes that away. */
export async function injectFault(reader: Reader, action: Fault): Promise<Prepared> {
  const fault = faultOf(action);
  const routes = await readRoutes(reader, action);
  return {
    summary: summaryOf(action),
    commands: [],
    changes: routes.flatMap(({ cluster, client, virtualService }) => {
      if (virtualService === undefined && fault === undefined) return [];
      const after =
        virtualService === undefined
          ? newObject("VirtualService", action, {
              hosts: [hostOf(action)],
              http: [{ fault, route: [{ destination: { host: hostOf(action) } }] }],
            })
          : withFault(virtualService, fault);
      return [writeWhole({ cluster, client, kind: kinds.virtualServices }, virtualService, after)];
    }),
  };
}

function withFault(service: VirtualService, fault: object | undefined): VirtualService {
  const rules = [...(service.spec.http ?? [])];
  const at = Math.max(0, defaultRule(service));
  const { fault: _, ...rule } = rules[at] ?? {};
  rules[at] = { ...(fault === undefined ? {} : { fault }), ...rule };
  return { ...service, spec: { ...service.spec, http: rules } };
}

function faultOf({ delay, abort }: Fault): object | undefined {
  for (const part of [delay, abort])
    if (part !== undefined && !(part.percentage > 0 && part.percentage <= 100))
      throw new IsthmusError(
        "arguments/wrong",
        "a fault meets more than 0 and at most 100 percent of requests",
      );
  if (delay !== undefined && !(delay.milliseconds > 0 && delay.milliseconds <= 3_600_000))
    throw new IsthmusError("arguments/wrong", "a delay is from 1 ms to an hour");
  if (abort !== undefined && !(Number.isInteger(abort.status) && abort.status >= 200 && abort.status <= 599))
    throw new IsthmusError("arguments/wrong", "requests are aborted with a status from 200 to 599");
  if (delay === undefined && abort === undefined) return undefined;
  return {
    ...(delay === undefined
      ? {}
      : { delay: { percentage: { value: delay.percentage }, fixedDelay: `${delay.milliseconds / 1000}s` } }),
    ...(abort === undefined
      ? {}
      : { abort: { percentage: { value: abort.percentage }, httpStatus: abort.status } }),
  };
}

function summaryOf({ service, namespace, delay, abort }: Fault): string {
  const parts = [
    delay === undefined ? "" : `${delay.percentage} % wait ${delay.milliseconds} ms`,
    abort === undefined ? "" : `${abort.percentage} % are answered with ${abort.status}`,
  ].filter((part) => part !== "");
  return `Requests to ${service} in ${namespace}: ${parts.length === 0 ? "no fault any more" : parts.join(", ")}`;
}
