/** A queue of values from one producer to one consumer, which says when it is full. */
export interface Queue<T> extends AsyncIterable<T> {
  /** Adds a value. A promise when the queue is full: it resolves when there is room again. */
  push(value: T): Promise<void> | undefined;
  /** No more values come; the consumer's loop ends after the last one. */
  end(): void;
}

/** Bytes that a consumer may lag behind before the producer is asked to wait. */
export const roomPerStream = 256 * 1024;

/** A queue of byte chunks with room for `room` bytes. A consumer that leaves its loop takes no more: values are dropped. */
export function createByteQueue(room = roomPerStream): Queue<Uint8Array> {
  return createQueue(room, (chunk) => chunk.length);
}

/** A queue with room for values of this size together; `sizeOf` measures one. */
export function createQueue<T>(room: number, sizeOf: (value: T) => number): Queue<T> {
  const values: T[] = [];
  let size = 0;
  let isEnded = false;
  let isLeft = false;
  let wakeConsumer = () => {};
  let waitForRoom: { readonly promise: Promise<void>; readonly resolve: () => void } | undefined;
  const giveRoom = () => {
    waitForRoom?.resolve();
    waitForRoom = undefined;
  };
  return {
    push(value) {
      if (isEnded || isLeft) return undefined;
      values.push(value);
      size += sizeOf(value);
      wakeConsumer();
      if (size < room) return undefined;
      if (waitForRoom === undefined) {
        let resolve = () => {};
        const promise = new Promise<void>((done) => {
          resolve = done;
        });
        waitForRoom = { promise, resolve };
      }
      return waitForRoom.promise;
    },
    end() {
      isEnded = true;
      giveRoom();
      wakeConsumer();
    },
    async *[Symbol.asyncIterator]() {
      try {
        for (;;) {
          const value = values.shift();
          if (value !== undefined) {
            size -= sizeOf(value);
            if (size < room) giveRoom();
            yield value;
          } else if (isEnded) return;
          else
            await new Promise<void>((resolve) => {
              wakeConsumer = resolve;
            });
        }
      } finally {
        isLeft = true;
        values.length = 0;
        giveRoom();
      }
    },
  };
}
