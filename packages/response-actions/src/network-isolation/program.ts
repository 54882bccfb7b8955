/** Runs one of the system's programs: found in fixed directories, no shell, a clean environment, a bounded wait. */
import { execFile } from "node:child_process";
import { access, constants } from "node:fs/promises";
import { join } from "node:path";

/** Looked up in this order, never by PATH: the agent runs as root, and PATH may be anybody's. */
export const systemProgramDirectories: readonly string[] = ["/usr/sbin", "/sbin", "/usr/bin", "/bin"];

/** English messages, as some of them are matched. */
export const programEnvironment = { LC_ALL: "C", PATH: systemProgramDirectories.join(":") };

/** The program's absolute path, or null when it is in none of the directories. */
export async function findProgram(name: string, directories: readonly string[]): Promise<string | null> {
  for (const directory of directories) {
    const path = join(directory, name);
    const executable = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (executable) return path;
  }
  return null;
}

/** `why` is one line for a person: the program's own words where it said any. */
export type ProgramResult = { succeeded: true; stdout: string } | { succeeded: false; why: string };

/** Never throws. After `timeoutMs` the program is killed, and the result says so. */
export function runProgram(
  path: string,
  args: readonly string[],
  options: { stdin?: string; timeoutMs: number },
): Promise<ProgramResult> {
  return new Promise((resolve) => {
    const child = execFile(
      path,
      args,
      {
        cwd: "/",
        env: programEnvironment,
        timeout: options.timeoutMs,
        killSignal: "SIGKILL",
        maxBuffer: 64 * 1024 * 1024,
      },
      (error, stdout, stderr) => {
        if (error === null) return resolve({ succeeded: true, stdout });
        if (error.killed)
          return resolve({ succeeded: false, why: `${path} did not end within ${options.timeoutMs} ms` });
        resolve({ succeeded: false, why: oneLine(stderr) || oneLine(error.message) });
      },
    );
    // A program that ends without reading its input breaks the pipe; its exit says what was wrong.
    child.stdin?.on("error", () => {});
    child.stdin?.end(options.stdin ?? "");
  });
}

export function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, " ").trim().slice(0, 1000);
}
