import { shortHash } from "./hash-text.ts";

/** A rule that came without a name, in a list of bare hashes say, goes by its hash. */
export const ruleName = ({ name, hash }: { name: string; hash: string }) => (name === "" ? shortHash(hash) : name);
