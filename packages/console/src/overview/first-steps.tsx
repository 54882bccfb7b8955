import { Button, List, Text } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { Section } from "../parts/section.tsx";
import { useMay } from "../session/session.ts";

/** The first minutes of an installation: nothing is there to be looked at yet. */
export function FirstSteps() {
  const { t } = useTranslation();
  const may = useMay();
  return (
    <Section title={t("overview.start.title")} why={t("overview.start.intro")}>
      {may("join-tokens.change") ? (
        <>
          <List type="ordered" size="sm" spacing={4} mb="sm">
            <List.Item>{t("overview.start.one")}</List.Item>
            <List.Item>{t("overview.start.two")}</List.Item>
            <List.Item>{t("overview.start.three")}</List.Item>
          </List>
          <Button component={Link} to="/settings" size="sm">
            {t("overview.start.action")}
          </Button>
        </>
      ) : (
        <Text size="sm">{t("overview.start.ask")}</Text>
      )}
    </Section>
  );
}
