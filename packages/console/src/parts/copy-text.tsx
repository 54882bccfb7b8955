import { ActionIcon, CopyButton, Tooltip } from "@mantine/core";
import { IconCheck, IconCopy } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import classes from "./copy-text.module.css";

/** A text that people take along: monospace, whole, with a button that copies it. */
export function CopyText({ text, shown, label }: { text: string; shown?: string; label?: string }) {
  return (
    <span className={classes.line}>
      <code className={classes.text} title={shown === undefined ? undefined : text}>
        {shown ?? text}
      </code>
      <CopyIcon text={text} label={label} />
    </span>
  );
}

function CopyIcon({ text, label }: { text: string; label?: string | undefined }) {
  const { t } = useTranslation();
  return (
    <CopyButton value={text}>
      {({ copied, copy }) => (
        <Tooltip label={copied ? t("actions.copied") : (label ?? t("actions.copy"))}>
          <ActionIcon
            variant="subtle"
            color="gray"
            size="sm"
            aria-label={label ?? t("actions.copy")}
            onClick={(event) => {
              event.stopPropagation();
              copy();
            }}
          >
            {copied ? <IconCheck size={14} /> : <IconCopy size={14} />}
          </ActionIcon>
        </Tooltip>
      )}
    </CopyButton>
  );
}

/** A command or secret that is shown once, to be taken away. */
export function CopyBlock({ text, label }: { text: string; label: string }) {
  return (
    <div className={classes.block}>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, and the keyboard must be able to scroll it */}
      <section tabIndex={0} aria-label={label}>
        {text}
      </section>
      <CopyIcon text={text} />
    </div>
  );
}
