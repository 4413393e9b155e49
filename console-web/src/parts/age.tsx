import { useEffect, useState } from "react";
import { duration } from "../format.ts";
import { useConnection } from "../live.ts";

/** The time now, renewed every second; standing still while the page is paused. */
export function useNow(): number {
  const { state, since } = useConnection();
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  return state === "paused" ? since : Math.max(now, since);
}

/** How long ago, or "now". */
export function Ago({ at }: { readonly at: number }) {
  const now = useNow();
  return <>{now - at < 2000 ? "now" : `${duration(now - at)} ago`}</>;
}
