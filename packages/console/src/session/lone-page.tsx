import { Box, Group, Paper, Stack, Text, Title } from "@mantine/core";
import { useEffect } from "react";
import { useTranslation } from "react-i18next";
import { LanguageMenu } from "../frame/language-menu.tsx";
import classes from "./lone-page.module.css";

/** A page without sections around it: nobody is signed in yet. */
export function LonePage({ title, intro, children }: { title: string; intro?: string; children: React.ReactNode }) {
  const { t } = useTranslation();
  useEffect(() => {
    document.title = `${title} · ${t("product")}`;
  }, [title, t]);
  return (
    <Box component="main" className={classes.page}>
      <Paper className={classes.card} withBorder>
        <Stack gap="md">
          <Group gap="sm" wrap="nowrap">
            <img src="/cordon.svg" width={34} height={34} alt="" />
            <Title order={1} size="h3">
              {title}
            </Title>
          </Group>
          {intro !== undefined && (
            <Text size="sm" c="dimmed">
              {intro}
            </Text>
          )}
          {children}
        </Stack>
      </Paper>
      <LanguageMenu />
    </Box>
  );
}
