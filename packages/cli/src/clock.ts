/** Time as commands see it; tests bring their own. */
export type Clock = { nowMs(): number; delay(ms: number): Promise<void> };

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  delay: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
};
