import type { CentralNodeMessage } from "@cordon/contract";
import type { WebSocket } from "ws";

/** What an agent may leave unread, beside one message that is larger: its orders are in the database, so the connection may go. */
const defaultMaxUnsentBytes = 4 * 1024 * 1024;
/** A part of a rule has half a megabyte: whoever takes longer for it holds a place that others wait for. */
const defaultFrameWithinMs = 60_000;

/** What goes out on one agent's connection; one that does not read costs itself alone. */
export function createOutgoing(
  socket: WebSocket,
  { maxUnsentBytes = defaultMaxUnsentBytes, frameWithinMs = defaultFrameWithinMs } = {},
) {
  let largestUnsent = 0;
  let frameSinceMs: number | null = null;

  return {
    send(message: CentralNodeMessage): void {
      const { bufferedAmount } = socket;
      if (bufferedAmount === 0) largestUnsent = 0;
      if (bufferedAmount > maxUnsentBytes + largestUnsent) {
        socket.terminate();
        return;
      }
      const text = JSON.stringify(message);
      largestUnsent = Math.max(largestUnsent, text.length);
      socket.send(text);
    },
    /** One at a time. Resolves once the frame is handed to the network, or will never be. */
    sendFrame(frame: Buffer): Promise<void> {
      frameSinceMs = performance.now();
      return new Promise((resolve) =>
        socket.send(frame, { binary: false }, () => {
          frameSinceMs = null;
          resolve();
        }),
      );
    },
    /** To be called every few seconds. */
    cutWhenStuck(): void {
      if (frameSinceMs !== null && performance.now() - frameSinceMs > frameWithinMs) socket.terminate();
    },
  };
}
