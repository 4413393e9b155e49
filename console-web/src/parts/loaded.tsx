import type { ReactNode } from "react";
import type { ApiFailure } from "../../../src/console/api.ts";
import { Failure, Skeleton } from "./states.tsx";

/** What was read, once it is there: until then its place is held, and a failure is said above what was read before. */
export function Loaded<T>({
  body,
  failure,
  heights,
  children,
}: {
  readonly body: T | undefined;
  readonly failure: ApiFailure | undefined;
  /** Of what will be there, in pixels from the top. */
  readonly heights: readonly number[];
  readonly children: (body: T) => ReactNode;
}) {
  return (
    <>
      {failure === undefined ? null : <Failure failure={failure} />}
      {body !== undefined
        ? children(body)
        : failure === undefined
          ? // biome-ignore lint/suspicious/noArrayIndexKey: places have no other identity.
            heights.map((height, i) => <Skeleton key={i} height={height} />)
          : null}
    </>
  );
}
