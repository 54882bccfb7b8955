import { Loader, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { callQuery } from "../api/queries.ts";
import { CopyText } from "../parts/copy-text.tsx";
import { Facts } from "../parts/facts.tsx";
import { Moment } from "../parts/moment.tsx";
import { PageHeader } from "../parts/page-header.tsx";
import { ProblemNotice } from "../parts/problem-notice.tsx";
import { Section } from "../parts/section.tsx";
import { useMay } from "../session/session.ts";
import { ActivityForm } from "./activity-form.tsx";
import { JoinTokens } from "./join-tokens.tsx";

export function SettingsPage() {
  const { t } = useTranslation();
  const may = useMay();
  const { data: settings, error, refetch } = useQuery(callQuery("getSettings", {}));
  const mayChange = may("settings.change");
  return (
    <>
      <PageHeader title={t("sections.settings")} />
      <Stack gap="md" maw={980}>
        {!mayChange && (
          <Text size="sm" c="dimmed">
            {t("settings.readOnly")}
          </Text>
        )}
        <JoinTokens />
        {settings === undefined &&
          (error === null ? (
            <Loader size="sm" aria-label={t("list.loading")} />
          ) : (
            <ProblemNotice error={error} title={t("problems.notLoaded")} onRetry={() => void refetch()} />
          ))}
        {settings !== undefined && (
          <>
            {/* A new version begins the form anew; what was typed on an older one would be refused anyway. */}
            <ActivityForm key={settings.version} settings={settings} mayChange={mayChange} />
            <Section title={t("settings.certificate")}>
              <Facts
                facts={[
                  [t("settings.subject"), settings.serverCertificate.subject],
                  [t("settings.notAfter"), <Moment key="n" at={settings.serverCertificate.notAfter} />],
                  [
                    t("settings.source"),
                    settings.serverCertificate.brought ? t("settings.brought") : t("settings.own"),
                  ],
                ]}
              />
              <Text size="xs" c="dimmed" mt="sm">
                {t("settings.fingerprint")}
              </Text>
              <CopyText text={settings.serverCertificate.fingerprint} />
            </Section>
            <Section title={t("settings.limits")} why={t("settings.limitsWhy")}>
              <Facts facts={Object.entries(settings.limits).map(([name, value]) => [name, value.toLocaleString()])} />
            </Section>
          </>
        )}
      </Stack>
    </>
  );
}
