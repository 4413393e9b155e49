import {
  FractionalPercent_DenominatorType as Denominator,
  type FractionalPercent,
} from "../../xds/gen/envoy/type/v3/percent_pb.js";

/** A coin that comes up true for this share of calls. */
export function fractionTest(percent: FractionalPercent | undefined): () => boolean {
  const share = fractionOf(percent);
  if (share <= 0) return () => false;
  if (share >= 1) return () => true;
  return () => Math.random() < share;
}

/** The share as a number from 0 to 1. */
export function fractionOf(percent: FractionalPercent | undefined): number {
  if (percent === undefined) return 0;
  const whole =
    percent.denominator === Denominator.MILLION
      ? 1_000_000
      : percent.denominator === Denominator.TEN_THOUSAND
        ? 10_000
        : 100;
  return percent.numerator / whole;
}
