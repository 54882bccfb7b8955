/** What the agent's parts ask of a log; pino's logger is one. */
export type Logger = {
  debug(details: object, message: string): void;
  info(details: object, message: string): void;
  warn(details: object, message: string): void;
  error(details: object, message: string): void;
};

export const silentLog: Logger = { debug() {}, info() {}, warn() {}, error() {} };
