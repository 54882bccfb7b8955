import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createFrameReader, encodeFrame } from "./enforce-frames.ts";

test("frames arrive whole and in order, however they were cut on the way", () => {
  const frames = fc.array(
    fc.tuple(fc.record({ text: fc.string() }, { noNullPrototype: true }), fc.uint8Array({ maxLength: 50 })),
    {
      maxLength: 5,
    },
  );
  fc.assert(
    fc.property(frames, fc.integer({ min: 1, max: 40 }), (sent, step) => {
      const stream = Buffer.concat(sent.map(([message, bytes]) => encodeFrame(message, Buffer.from(bytes))));
      const arrived: [object, Uint8Array][] = [];
      const reader = createFrameReader<object>(({ message, bytes }) => arrived.push([message, new Uint8Array(bytes)]));
      for (let at = 0; at < stream.length; at += step) reader.push(stream.subarray(at, at + step));
      assert.deepEqual(
        arrived,
        sent.map(([message, bytes]) => [message, new Uint8Array(bytes)]),
      );
    }),
  );
});

test("a length that no frame has is refused before it is waited for", () => {
  const reader = createFrameReader(() => assert.fail("there is no frame"));
  assert.throws(() => reader.push(Buffer.from([0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0])), RangeError);
});
