/** Loaded before a program by `--import`: has its imports of some libraries find them bundled. */
import { registerHooks } from "node:module";
import { bundledLibraries } from "./bundled-libraries.ts";

registerHooks({
  resolve(specifier, context, nextResolve) {
    const url = bundledLibraries.get(specifier);
    return url === undefined ? nextResolve(specifier, context) : { url, format: "module", shortCircuit: true };
  },
});
