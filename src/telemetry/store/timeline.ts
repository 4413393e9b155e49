/** The times at which a target was scraped, shared by all its series. A turn is the number of a scrape. */
export interface Timeline {
  /** Turn of the oldest time that is kept. */
  readonly firstTurn: number;
  /** -1 before the first. */
  readonly lastTurn: number;
  /** Adds a time, in milliseconds since 1970, and returns its turn; undefined when it is not after the last one. */
  add(time: number): number | undefined;
  timeOf(turn: number): number;
  /** The first turn whose time is after `time`; the turn to come when none is. */
  turnAfter(time: number): number;
  /** Forgets times before `time` and those beyond `most`; false when there were none. */
  trim(time: number, most: number): boolean;
}

export function createTimeline(): Timeline {
  let times: number[] = [];
  let firstTurn = 0;
  const turnAfter = (time: number) => {
    let low = 0;
    let high = times.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((times[middle] ?? 0) <= time) low = middle + 1;
      else high = middle;
    }
    return firstTurn + low;
  };
  return {
    get firstTurn() {
      return firstTurn;
    },
    get lastTurn() {
      return firstTurn + times.length - 1;
    },
    add(time) {
      const last = times.at(-1);
      if (last !== undefined && time <= last) return undefined;
      times.push(time);
      return firstTurn + times.length - 1;
    },
    timeOf: (turn) => times[turn - firstTurn] ?? Number.NaN,
    turnAfter,
    trim(time, most) {
      const count = Math.max(turnAfter(time - 1) - firstTurn, times.length - most);
      if (count <= 0) return false;
      times = times.slice(count);
      firstTurn += count;
      return true;
    },
  };
}
