import { FractionalPercent_DenominatorType } from "../../xds/gen/envoy/type/v3/percent_pb.js";
import type { Percent } from "./config-types.ts";

/** A share as rules write it, to four digits after the point. */
export function percentOf({ value = 0 }: Percent) {
  return {
    numerator: Math.floor(value * 10_000),
    denominator: FractionalPercent_DenominatorType.MILLION,
  };
}

/** A share in whole percent. */
export function wholePercent(percent: number) {
  return { numerator: percent, denominator: FractionalPercent_DenominatorType.HUNDRED };
}
