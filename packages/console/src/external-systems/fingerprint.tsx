import classes from "./fingerprint.module.css";

/** In groups of four, eight to a line: two people can read it to each other, and eyes can compare it. */
export function Fingerprint({ fingerprint }: { fingerprint: string }) {
  const groups = fingerprint.toUpperCase().match(/.{1,4}/g) ?? [];
  return (
    <code className={classes.fingerprint}>
      {groups.map((group, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: groups may repeat, and none keeps a state
        <span key={index}>{group}</span>
      ))}
    </code>
  );
}
