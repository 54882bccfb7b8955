/** A hash as it is pasted from a report: with spaces, upper case, in quotes. */
export const cleanHash = (text: string) =>
  text
    .trim()
    .replaceAll(/^["']|["']$/g, "")
    .toLowerCase();

export const isHash = (text: string) => /^([0-9a-f]{32}|[0-9a-f]{64})$/.test(text);

/** Enough of a hash to tell it from others in a row. */
export const shortHash = (hash: string) => (hash.length > 20 ? `${hash.slice(0, 12)}…${hash.slice(-4)}` : hash);

/** Pages of others about a file. Only the hash goes there, and only when a person follows the link. */
export const lookUpLinks = {
  virusTotal: (hash: string) => `https://www.virustotal.com/gui/file/${hash}`,
  kasperskyTip: (hash: string) => `https://opentip.kaspersky.com/${hash}/`,
} as const;
