import { NativeSelect } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { chooseLanguage, type Language, languages, rememberLanguage } from "../text/language.ts";

export function LanguageMenu() {
  const { t, i18n } = useTranslation();
  return (
    <NativeSelect
      aria-label={t("frame.language")}
      size="xs"
      value={i18n.language}
      data={Object.entries(languages).map(([value, label]) => ({ value, label }))}
      onChange={(event) => {
        const language = event.currentTarget.value as Language;
        rememberLanguage(language);
        void chooseLanguage(language);
      }}
    />
  );
}
