import type { HTTPFault } from "../../xds/gen/envoy/extensions/filters/http/fault/v3/fault_pb.js";
import { milliseconds } from "../config/wire.ts";
import type { RequestHead } from "../http/codec.ts";
import { compileHeaderMatch, type RequestTest } from "../router/header-match.ts";
import { fractionTest } from "./fraction.ts";

/** A compiled fault: what to do to which share of requests. */
export interface FaultRules {
  applies(head: RequestHead): boolean;
  /** Milliseconds to wait, 0 when this request is not delayed. Throws the dice. */
  delay(): number;
  /** What to answer in place of the upstream; undefined when this request is spared. Throws the dice. */
  abort(): { readonly status: number; readonly grpcStatus: number | undefined } | undefined;
}

/** Compiles an HTTPFault. Throws ConfigError. */
export function compileFault(fault: HTTPFault, where: string): FaultRules {
  const tests: RequestTest[] = fault.headers.map((matcher) => compileHeaderMatch(matcher, where));
  const delay = fault.delay?.faultDelaySecifier.case === "fixedDelay" ? fault.delay : undefined;
  const wait =
    delay?.faultDelaySecifier.case === "fixedDelay" ? (milliseconds(delay.faultDelaySecifier.value) ?? 0) : 0;
  const delays = fractionTest(delay?.percentage);
  const { abort } = fault;
  const aborts = fractionTest(abort?.percentage);
  const type = abort?.errorType;
  const answer =
    type?.case === "httpStatus"
      ? { status: type.value, grpcStatus: undefined }
      : type?.case === "grpcStatus"
        ? { status: 200, grpcStatus: type.value }
        : undefined;
  return {
    applies: (head) => tests.every((test) => test(head)),
    delay: () => (wait > 0 && delays() ? wait : 0),
    abort: () => (answer !== undefined && aborts() ? answer : undefined),
  };
}
