import { type ConsoleRole, consoleRoles } from "@cordon/contract/console-api";
import { Radio, Stack } from "@mantine/core";
import { useTranslation } from "react-i18next";

/** A role, with what it may. */
export function RoleChoice({
  role,
  onChange,
  roles = consoleRoles,
}: {
  role: ConsoleRole;
  onChange: (role: ConsoleRole) => void;
  roles?: readonly ConsoleRole[];
}) {
  const { t } = useTranslation();
  return (
    <Radio.Group label={t("users.columns.role")} value={role} onChange={(value) => onChange(value as ConsoleRole)}>
      <Stack gap={8} mt={6}>
        {roles.map((each) => (
          <Radio key={each} value={each} label={t(`roles.${each}`)} description={t(`users.roleMeanings.${each}`)} />
        ))}
      </Stack>
    </Radio.Group>
  );
}
