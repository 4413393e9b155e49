import { useState } from "react";

const key = "isthmus.muted";

/** Findings that this browser does not want to see, by id. They are still counted elsewhere: nothing is mended by it. */
export function useMuted(): readonly [ReadonlySet<string>, (id: string) => void] {
  const [muted, setMuted] = useState<ReadonlySet<string>>(read);
  const toggle = (id: string) => {
    const next = new Set(muted);
    if (!next.delete(id)) next.add(id);
    localStorage.setItem(key, JSON.stringify([...next]));
    setMuted(next);
  };
  return [muted, toggle];
}

function read(): ReadonlySet<string> {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(key) ?? "[]");
    return new Set(Array.isArray(kept) ? kept.filter((one) => typeof one === "string") : []);
  } catch {
    return new Set();
  }
}
