import i18next from "i18next";
import { initReactI18next } from "react-i18next";
import { english } from "./english/english.ts";

export const languages = { en: "English", ru: "Русский" } as const;
export type Language = keyof typeof languages;

declare module "i18next" {
  interface CustomTypeOptions {
    resources: { translation: typeof english };
  }
}

const storageKey = "cordon-language";

export async function startLanguage(): Promise<void> {
  await i18next.use(initReactI18next).init({
    lng: "en",
    fallbackLng: "en",
    resources: { en: { translation: english } },
    // React escapes whatever it is given; twice would show entities to people.
    interpolation: { escapeValue: false },
  });
  await chooseLanguage(chosenLanguage());
}

/** A language other than English is loaded when it is first wanted. */
export async function chooseLanguage(language: Language): Promise<void> {
  if (language === "ru" && !i18next.hasResourceBundle("ru", "translation")) {
    const { russian } = await import("./russian/russian.ts");
    i18next.addResourceBundle("ru", "translation", russian);
  }
  await i18next.changeLanguage(language);
  document.documentElement.lang = language;
}

export function rememberLanguage(language: Language): void {
  localStorage.setItem(storageKey, language);
}

function chosenLanguage(): Language {
  const wanted = localStorage.getItem(storageKey) ?? navigator.language.slice(0, 2);
  return wanted in languages ? (wanted as Language) : "en";
}
