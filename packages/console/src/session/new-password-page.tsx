import { Button, PasswordInput, Stack } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { call } from "../api/call.ts";
import { ProblemNotice } from "../parts/problem-notice.tsx";
import { LonePage } from "./lone-page.tsx";
import { PasswordPair, passwordFault } from "./password-pair.tsx";
import { sessionQuery } from "./session.ts";

/** Signed in with a one-time password: nothing else can be done until there is one of one's own. */
export function NewPasswordPage() {
  const { t } = useTranslation();
  const client = useQueryClient();
  const [current, setCurrent] = useState("");
  const [next, setNext] = useState("");
  const [repeated, setRepeated] = useState("");
  const change = useMutation({
    mutationFn: () => call("changePassword", { body: { current, next } }),
    onSuccess: () => client.invalidateQueries({ queryKey: sessionQuery.queryKey }),
  });
  return (
    <LonePage title={t("newPassword.title")} intro={t("newPassword.intro")}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (passwordFault(next, repeated, t) === null) change.mutate();
        }}
      >
        <Stack gap="sm">
          <PasswordInput
            label={t("newPassword.current")}
            value={current}
            onChange={(event) => setCurrent(event.currentTarget.value)}
            autoComplete="current-password"
            required
            withAsterisk={false}
          />
          <PasswordPair
            label={t("newPassword.next")}
            password={next}
            repeated={repeated}
            onPassword={setNext}
            onRepeated={setRepeated}
          />
          {change.error !== null && <ProblemNotice error={change.error} />}
          <Button type="submit" fullWidth mt={4} loading={change.isPending}>
            {t("newPassword.submit")}
          </Button>
        </Stack>
      </form>
    </LonePage>
  );
}
