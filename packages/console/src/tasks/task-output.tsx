import { Button, Group, Paper, Text } from "@mantine/core";
import { IconDownload } from "@tabler/icons-react";
import { useLayoutEffect, useRef } from "react";
import { useTranslation } from "react-i18next";
import classes from "./task-output.module.css";

/** What a program printed. While it prints, the end stays in view for whoever has not scrolled away from it. */
export function TaskOutput({
  title,
  text,
  isPartial,
  truncated,
  download,
}: {
  title: string;
  text: string;
  isPartial: boolean;
  truncated: boolean;
  download: string;
}) {
  const { t } = useTranslation();
  const box = useRef<HTMLElement>(null);
  const atEnd = useRef(true);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the text is what makes the box grow
  useLayoutEffect(() => {
    if (isPartial && atEnd.current && box.current !== null) box.current.scrollTop = box.current.scrollHeight;
  }, [text, isPartial]);
  return (
    <Paper withBorder className={classes.output}>
      <Group justify="space-between" px="md" py={6} className={classes.head}>
        <Text size="sm" fw={600} component="h2">
          {title}
        </Text>
        {text !== "" && !isPartial && (
          <Button
            component="a"
            href={download}
            download
            size="compact-xs"
            variant="subtle"
            leftSection={<IconDownload size={13} aria-hidden />}
          >
            {t("tasks.download")}
          </Button>
        )}
      </Group>
      {text === "" ? (
        <Text size="sm" c="dimmed" px="md" py="sm">
          {isPartial ? t("tasks.nothingYet") : t("tasks.nothingPrinted")}
        </Text>
      ) : (
        <section
          ref={box}
          className={classes.text}
          // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, and the keyboard must be able to scroll it
          tabIndex={0}
          aria-label={title}
          onScroll={({ currentTarget: { scrollHeight, scrollTop, clientHeight } }) => {
            atEnd.current = scrollHeight - scrollTop - clientHeight < 24;
          }}
        >
          {text}
        </section>
      )}
      {truncated && (
        <Text size="xs" c="dimmed" px="md" py={6}>
          {t("tasks.truncated")}
        </Text>
      )}
    </Paper>
  );
}
