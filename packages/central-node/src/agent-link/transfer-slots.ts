export type TransferSlots = ReturnType<typeof createTransferSlots>;

/**
 * Bounds how many large sets are on their way at once: each holds a part of it in memory until its agent has taken it, and
 * after a change of the rule of all hosts every agent needs one.
 */
export function createTransferSlots(most: number) {
  const waiting: (() => void)[] = [];
  let taken = 0;

  return {
    async run<T>(transfer: () => Promise<T>): Promise<T> {
      if (taken >= most) await new Promise<void>((go) => waiting.push(go));
      else taken += 1;
      try {
        return await transfer();
      } finally {
        const next = waiting.shift();
        // The slot goes over to the next without ever being free.
        if (next === undefined) taken -= 1;
        else next();
      }
    },
  };
}
