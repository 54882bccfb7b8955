import { Stack } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { PageHeader } from "../parts/page-header.tsx";
import { ApiTokens } from "./api-tokens.tsx";
import { PasswordSection } from "./password-section.tsx";
import { SecondFactorSection } from "./second-factor-section.tsx";
import { SessionsSection } from "./sessions-section.tsx";

export function AccountPage() {
  const { t } = useTranslation();
  return (
    <>
      <PageHeader title={t("sections.account")} />
      <Stack gap="md" maw={980}>
        <SecondFactorSection />
        <SessionsSection />
        <ApiTokens />
        <PasswordSection />
      </Stack>
    </>
  );
}
