import type { ConsoleReply } from "@cordon/contract/console-api";
import { Button, Checkbox, Group, NumberInput, Stack, Text } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useChange } from "../api/queries.ts";
import { announce } from "../parts/announce.ts";
import { ProblemNotice } from "../parts/problem-notice.tsx";
import { Section } from "../parts/section.tsx";

/** When a host counts as gone quiet, and when it is removed for it. */
export function ActivityForm({ settings, mayChange }: { settings: ConsoleReply<"getSettings">; mayChange: boolean }) {
  const { t } = useTranslation();
  const [warning, setWarning] = useState<number | string>(settings.activityWarningHours);
  const [critical, setCritical] = useState<number | string>(settings.activityCriticalHours);
  const [removes, setRemoves] = useState(settings.removeInactiveAfterDays !== null);
  const [days, setDays] = useState<number | string>(settings.removeInactiveAfterDays ?? 90);
  const change = useChange("changeSettings", { touches: ["getSettings"], onDone: () => announce(t("settings.saved")) });
  const inOrder = Number(critical) > Number(warning);
  const isChanged =
    warning !== settings.activityWarningHours ||
    critical !== settings.activityCriticalHours ||
    (removes ? days : null) !== settings.removeInactiveAfterDays;
  const save = () =>
    change.mutate({
      args: {
        body: {
          activityWarningHours: Number(warning),
          activityCriticalHours: Number(critical),
          removeInactiveAfterDays: removes ? Number(days) : null,
        },
      },
      ifMatch: settings.version,
    });
  return (
    <Section title={t("settings.activity")} why={t("settings.activityWhy")}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (inOrder) save();
        }}
      >
        <Stack gap="sm">
          <Group gap="md" align="flex-start">
            <NumberInput
              label={t("settings.warningHours")}
              value={warning}
              onChange={setWarning}
              min={1}
              max={8760}
              allowDecimal={false}
              readOnly={!mayChange}
              w={200}
            />
            <NumberInput
              label={t("settings.criticalHours")}
              value={critical}
              onChange={setCritical}
              min={1}
              max={8760}
              allowDecimal={false}
              readOnly={!mayChange}
              error={inOrder ? null : t("settings.order")}
              w={200}
            />
          </Group>
          <Checkbox
            label={t("settings.removalOn")}
            checked={removes}
            disabled={!mayChange}
            onChange={(event) => setRemoves(event.currentTarget.checked)}
          />
          {removes && (
            <NumberInput
              label={t("settings.removalDays")}
              value={days}
              onChange={setDays}
              min={1}
              max={3650}
              allowDecimal={false}
              readOnly={!mayChange}
              w={200}
            />
          )}
          <Text size="xs" c="dimmed">
            {t("settings.removalWhy")}
          </Text>
          {change.error !== null && <ProblemNotice error={change.error} />}
          {mayChange && (
            <div>
              <Button type="submit" size="xs" disabled={!isChanged || !inOrder} loading={change.isPending}>
                {t("actions.save")}
              </Button>
            </div>
          )}
        </Stack>
      </form>
    </Section>
  );
}
