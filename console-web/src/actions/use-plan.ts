import { useEffect, useState } from "react";
import type { Action, ApiFailure, Plan } from "../../../src/console/api.ts";
import { call, failureOf } from "../live.ts";

/** Milliseconds that an action must stay the same before its plan is asked for: a slider moves often. */
const settled = 200;

/** What an action would change, and the way to do that. */
export interface Planned {
  /** The last that was made; it stays while the next one is made. */
  readonly plan?: Plan;
  /** Whether `plan` is of what is chosen now, so that it can be applied. */
  readonly isCurrent: boolean;
  readonly failure?: ApiFailure;
  readonly isApplying: boolean;
  readonly isDone: boolean;
  apply(): void;
}

/** Plans the action whenever it changes; undefined plans nothing. */
export function usePlan(action: Action | undefined, onApplied?: () => void): Planned {
  const text = action === undefined ? undefined : JSON.stringify(action);
  const [plan, setPlan] = useState<{ readonly of: string; readonly plan: Plan }>();
  const [failure, setFailure] = useState<ApiFailure>();
  const [isApplying, setApplying] = useState(false);
  const [done, setDone] = useState<string>();
  const [round, setRound] = useState(0);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new round asks again for the same.
  useEffect(() => {
    if (text === undefined) return;
    let isOver = false;
    const timer = setTimeout(() => {
      call<Plan>("/api/actions/plan", JSON.parse(text)).then(
        (answer) => {
          if (isOver) return;
          setPlan({ of: text, plan: answer });
          setFailure(undefined);
        },
        (reason: unknown) => {
          if (!isOver) setFailure(failureOf(reason));
        },
      );
    }, settled);
    return () => {
      isOver = true;
      clearTimeout(timer);
    };
  }, [text, round]);
  const current = plan !== undefined && plan.of === text ? plan.plan : undefined;
  return {
    ...(plan === undefined ? {} : { plan: plan.plan }),
    ...(failure === undefined ? {} : { failure }),
    isCurrent: current !== undefined,
    isApplying,
    isDone: done !== undefined && done === text,
    apply() {
      if (current === undefined || text === undefined) return;
      setApplying(true);
      setFailure(undefined);
      call<Plan>("/api/actions/apply", { action: JSON.parse(text), seen: current.id }).then(
        () => {
          setApplying(false);
          setDone(text);
          setRound((old) => old + 1);
          onApplied?.();
        },
        (reason: unknown) => {
          setApplying(false);
          setFailure(failureOf(reason));
          setRound((old) => old + 1);
        },
      );
    },
  };
}
