import { Button, PasswordInput, Stack } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useChange } from "../api/queries.ts";
import { announce } from "../parts/announce.ts";
import { ProblemNotice } from "../parts/problem-notice.tsx";
import { Section } from "../parts/section.tsx";
import { PasswordPair, passwordFault } from "../session/password-pair.tsx";

export function PasswordSection() {
  const { t } = useTranslation();
  const [current, setCurrent] = useState("");
  const [next, setNext] = useState("");
  const [repeated, setRepeated] = useState("");
  const change = useChange("changePassword", {
    touches: ["listSessions"],
    onDone: () => {
      announce(t("account.changed"));
      setCurrent("");
      setNext("");
      setRepeated("");
    },
  });
  return (
    <Section title={t("account.password")}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (passwordFault(next, repeated, t) === null) change.mutate({ args: { body: { current, next } } });
        }}
      >
        <Stack gap="sm" maw={360}>
          <PasswordInput
            label={t("account.current")}
            value={current}
            onChange={(event) => setCurrent(event.currentTarget.value)}
            autoComplete="current-password"
            required
            withAsterisk={false}
          />
          <PasswordPair
            label={t("account.next")}
            password={next}
            repeated={repeated}
            onPassword={setNext}
            onRepeated={setRepeated}
          />
          {change.error !== null && <ProblemNotice error={change.error} />}
          <div>
            <Button type="submit" size="xs" loading={change.isPending}>
              {t("account.change")}
            </Button>
          </div>
        </Stack>
      </form>
    </Section>
  );
}
