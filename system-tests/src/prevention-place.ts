/** A place for an agent whose guard is to guard something: a filesystem in memory of its own, and nothing else. */
import { ownNamespaces } from "./prevention-lab.ts";
import type { Place } from "./programs.ts";

/** Where the filesystem is, inside the place's namespaces. */
export const guardedPath = "/mnt";

/**
 * As `on`, in mount and process namespaces of its own, which end with whatever runs there: no guard stays behind. `files`:
 * what lies below `guardedPath` and can be run, by name. An agent there cannot isolate itself.
 */
export function guardedPlace(on: Place, files: Record<string, string>): Place {
  const prepare = [
    "set -e",
    `mount -t tmpfs none ${guardedPath}`,
    ...Object.keys(files).map((name, index) => {
      const path = `${guardedPath}/${name}`;
      return `printf '%s' "$CORDON_FILE_${index}" > ${path}; chmod 755 ${path}`;
    }),
    'exec "$@"',
  ].join("\n");
  const contents = Object.values(files).map((content, index) => [`CORDON_FILE_${index}`, content] as const);
  return {
    ...on,
    spawn(program, args = [], options = {}) {
      const [wrapper = "", ...wrapperArgs] = [...ownNamespaces, "sh", "-c", prepare, "sh"];
      const poorer = ["setpriv", "--bounding-set", "-net_admin", "--inh-caps", "-net_admin"];
      const env = { ...process.env, ...Object.fromEntries(contents) };
      return on.spawn(wrapper, [...wrapperArgs, ...poorer, program, ...args], { ...options, env });
    },
  };
}
