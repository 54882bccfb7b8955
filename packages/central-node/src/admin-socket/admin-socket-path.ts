import { join } from "node:path";
import { failure } from "@cordon/terminal";

/** What sockaddr_un holds on Linux, with the NUL at its end. */
const maxSocketPathBytes = 108;

export function adminSocketPath(dataDir: string): string {
  return join(dataDir, "admin.sock");
}

/** Throws a failure that names the limit; before anything is started. */
export function checkSocketPath(dataDir: string): void {
  const bytes = Buffer.byteLength(adminSocketPath(dataDir)) + 1;
  if (bytes <= maxSocketPathBytes) return;
  throw failure(
    "USAGE",
    `the path ${adminSocketPath(dataDir)} is ${bytes} bytes long, and a UNIX socket's path may have ${maxSocketPathBytes}`,
    { advice: "Give a shorter --data-dir." },
  );
}
