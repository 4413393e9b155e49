/**
 * Calls `onIdle` when nothing has happened for `limit` milliseconds. `lastActivity` is on the clock of
 * performance.now(); `after` belongs to an exchange, whose end cancels the watch.
 */
export function watchIdle(
  limit: number,
  lastActivity: () => number,
  after: (delay: number, action: () => void) => void,
  onIdle: () => void,
): void {
  const check = () => {
    const idle = performance.now() - lastActivity();
    if (idle >= limit) onIdle();
    else after(limit - idle, check);
  };
  after(limit, check);
}
