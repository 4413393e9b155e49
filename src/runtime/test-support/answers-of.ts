import type { DnsAnswer, DnsQuestion } from "../../dns/index.ts";

/** DNS for tests that knows only the addresses that `addressesOf` gives for whole names. */
export function answersOf(
  addressesOf: (name: string) => readonly string[],
): (question: DnsQuestion) => Promise<DnsAnswer> {
  return async ({ name }) => {
    const records = addressesOf(name).map((address) => ({ name, type: "A" as const, address }));
    return { exists: records.length > 0, records };
  };
}
