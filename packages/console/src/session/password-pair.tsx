import { PasswordInput } from "@mantine/core";
import type { TFunction } from "i18next";
import { useTranslation } from "react-i18next";

/** As the Central Node wants it; it checks by itself. */
const minLength = 12;

/** What keeps a new password from being taken, or null. */
export function passwordFault(password: string, repeated: string, t: TFunction): string | null {
  if (password.length < minLength) return t("setUp.tooShort", { count: minLength });
  return password === repeated ? null : t("setUp.different");
}

/** A new password, typed twice: nobody can look it up. */
export function PasswordPair({
  password,
  repeated,
  label,
  onPassword,
  onRepeated,
}: {
  password: string;
  repeated: string;
  label?: string;
  onPassword: (password: string) => void;
  onRepeated: (repeated: string) => void;
}) {
  const { t } = useTranslation();
  const tooShort = password !== "" && password.length < minLength;
  const different = repeated !== "" && password !== repeated;
  return (
    <>
      <PasswordInput
        label={label ?? t("signIn.password")}
        description={t("setUp.passwordWhy", { count: minLength })}
        value={password}
        onChange={(event) => onPassword(event.currentTarget.value)}
        error={tooShort ? t("setUp.tooShort", { count: minLength }) : null}
        autoComplete="new-password"
        required
        withAsterisk={false}
      />
      <PasswordInput
        label={t("setUp.repeat")}
        value={repeated}
        onChange={(event) => onRepeated(event.currentTarget.value)}
        error={different ? t("setUp.different") : null}
        autoComplete="new-password"
        required
        withAsterisk={false}
      />
    </>
  );
}
