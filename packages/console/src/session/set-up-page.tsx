import { Button, PasswordInput, Stack, TextInput } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { call } from "../api/call.ts";
import { callQuery } from "../api/queries.ts";
import { EmptyNotice } from "../parts/empty-notice.tsx";
import { ProblemNotice } from "../parts/problem-notice.tsx";
import { LonePage } from "./lone-page.tsx";
import { PasswordPair, passwordFault } from "./password-pair.tsx";
import { useSetSession } from "./session.ts";

/** In the fragment, which no server and no log ever sees. */
const tokenInAddress = () => new URLSearchParams(location.hash.slice(1)).get("token") ?? "";

export function SetUpPage() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const setSession = useSetSession();
  const { data: methods } = useQuery(callQuery("signInMethods", {}));
  const [token, setToken] = useState(tokenInAddress);
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const [repeated, setRepeated] = useState("");
  const setUp = useMutation({
    mutationFn: () => call("setUp", { body: { token, name, password } }),
    onSuccess: async (session) => {
      setSession(session);
      // The token is of no use any more, and must not stay in the address.
      await navigate({ to: "/", replace: true });
    },
  });
  if (methods?.setupNeeded === false && !setUp.isPending && !setUp.isSuccess) {
    return (
      <LonePage title={t("setUp.doneAlready")}>
        <EmptyNotice title={t("setUp.doneAlready")} why={t("setUp.doneAlreadyWhy")}>
          <Link to="/">{t("setUp.toSignIn")}</Link>
        </EmptyNotice>
      </LonePage>
    );
  }
  return (
    <LonePage title={t("setUp.title")} intro={t("setUp.intro")}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (passwordFault(password, repeated, t) === null) setUp.mutate();
        }}
      >
        <Stack gap="sm">
          {tokenInAddress() === "" && (
            <PasswordInput
              label={t("setUp.token")}
              description={t("setUp.tokenWhy")}
              value={token}
              onChange={(event) => setToken(event.currentTarget.value.trim())}
              autoComplete="off"
              required
              withAsterisk={false}
            />
          )}
          <TextInput
            label={t("signIn.name")}
            value={name}
            onChange={(event) => setName(event.currentTarget.value)}
            autoComplete="username"
            required
            autoFocus
            withAsterisk={false}
          />
          <PasswordPair password={password} repeated={repeated} onPassword={setPassword} onRepeated={setRepeated} />
          {setUp.error !== null && <ProblemNotice error={setUp.error} />}
          <Button type="submit" fullWidth mt={4} loading={setUp.isPending}>
            {t("setUp.submit")}
          </Button>
        </Stack>
      </form>
    </LonePage>
  );
}
