import classes from "./mark.module.css";

export type MarkTone = "good" | "waiting" | "bad" | "quiet" | "neutral";

/** A state: a shape that differs, a colour, and always the word. */
export function Mark({ tone, children, title }: { tone: MarkTone; children: React.ReactNode; title?: string }) {
  return (
    <span className={classes.mark} data-tone={tone} title={title}>
      <svg viewBox="0 0 12 12" width="12" height="12" aria-hidden="true">
        {shapes[tone]}
      </svg>
      <span className={classes.text}>{children}</span>
    </span>
  );
}

/** Told apart without colours as well. */
const shapes: Record<MarkTone, React.ReactNode> = {
  good: (
    <>
      <circle cx="6" cy="6" r="6" fill="currentColor" />
      <path d="M3.2 6.2 5.2 8.2 8.9 4.3" fill="none" stroke="var(--mantine-color-body)" strokeWidth="1.6" />
    </>
  ),
  waiting: (
    <>
      <circle cx="6" cy="6" r="5" fill="none" stroke="currentColor" strokeWidth="1.8" />
      <path d="M6 3.2V6.2H8.2" fill="none" stroke="currentColor" strokeWidth="1.5" />
    </>
  ),
  bad: (
    <>
      <path d="M6 0.6 11.8 11H0.2Z" fill="currentColor" />
      <path d="M6 4.4V7.4M6 8.4V9.8" stroke="var(--mantine-color-body)" strokeWidth="1.5" />
    </>
  ),
  quiet: <circle cx="6" cy="6" r="4.6" fill="none" stroke="currentColor" strokeWidth="1.4" strokeDasharray="2.2 1.6" />,
  neutral: <circle cx="6" cy="6" r="3.2" fill="currentColor" />,
};
