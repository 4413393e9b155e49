import assert from "node:assert/strict";
import type { IncomingMessage } from "node:http";
import { Readable } from "node:stream";
import { suite, test } from "vitest";
import { readBytes } from "./read-bytes.ts";

const megabyte = 1024 * 1024;

/** A request with a body of so many megabytes, which says so before it comes or does not. */
function requestOf(megabytes: number, isAnnounced: boolean): IncomingMessage {
  const body = Readable.from(Array.from({ length: megabytes }, () => Buffer.alloc(megabyte)));
  const headers = isAnnounced ? { "content-length": String(megabytes * megabyte) } : {};
  return Object.assign(body, { headers, complete: true }) as unknown as IncomingMessage;
}

suite("readBytes()", () => {
  test("gives the whole body", async () => {
    assert.equal((await readBytes(requestOf(3, true))).length, 3 * megabyte);
  });

  for (const isAnnounced of [true, false])
    test(`refuses a body that is too large after the client has sent it${isAnnounced ? ", though it was announced" : ""}`, async () => {
      const request = requestOf(20, isAnnounced);
      await assert.rejects(readBytes(request), /Request entity too large: limit is 3145728/);
      assert.equal(request.readableEnded, true);
    });

  test("does not wait for one that is larger by far", async () => {
    for (const isAnnounced of [true, false]) {
      const request = requestOf(80, isAnnounced);
      await assert.rejects(readBytes(request), /Request entity too large/);
      assert.equal(request.readableEnded, false);
    }
  });
});
