import { consoleApiBase } from "@cordon/contract/console-api";
import { Alert, Button, Code, Divider, PasswordInput, Stack, Text, TextInput } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { isApiProblem } from "../api/api-problem.ts";
import { call } from "../api/call.ts";
import { callQuery } from "../api/queries.ts";
import { ProblemNotice } from "../parts/problem-notice.tsx";
import { LonePage } from "./lone-page.tsx";
import { useSetSession } from "./session.ts";

export function SignInPage() {
  const { t } = useTranslation();
  const setSession = useSetSession();
  const { data: methods } = useQuery(callQuery("signInMethods", {}));
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const [code, setCode] = useState("");
  const signIn = useMutation({
    mutationFn: () => call("signIn", { body: { name, password, ...(code === "" ? {} : { code }) } }),
    onSuccess: setSession,
  });
  const problem = isApiProblem(signIn.error) ? signIn.error : null;
  // The code is asked for once the password was right: whoever has no second factor never sees it.
  const needsCode = problem?.code === "SECOND_FACTOR_NEEDED" || code !== "";
  const refused = problem?.status === 401;
  const oidcRefusal = new URLSearchParams(location.hash.slice(1)).get("error");
  const [hasAccount, setHasAccount] = useState(false);
  if (methods?.setupNeeded === true && !hasAccount) return <SetupNeeded onSignIn={() => setHasAccount(true)} />;
  return (
    <LonePage title={t("signIn.title")}>
      {oidcRefusal !== null && (
        <Alert color="red" title={t("signIn.oidcRefused")} role="alert">
          {oidcRefusal.slice(0, 300)}
        </Alert>
      )}
      {methods?.password !== false && (
        <form
          onSubmit={(event) => {
            event.preventDefault();
            signIn.mutate();
          }}
        >
          <Stack gap="sm">
            <TextInput
              label={t("signIn.name")}
              value={name}
              onChange={(event) => setName(event.currentTarget.value)}
              autoComplete="username"
              required
              autoFocus
              withAsterisk={false}
            />
            <PasswordInput
              label={t("signIn.password")}
              value={password}
              onChange={(event) => setPassword(event.currentTarget.value)}
              autoComplete="current-password"
              required
              withAsterisk={false}
            />
            {needsCode && (
              <TextInput
                label={t("signIn.code")}
                description={t("signIn.codeWhy")}
                value={code}
                onChange={(event) => setCode(event.currentTarget.value.replaceAll(/\D/g, "").slice(0, 6))}
                autoComplete="one-time-code"
                inputMode="numeric"
                autoFocus
              />
            )}
            {refused && (
              <Alert color={problem.code === "SECOND_FACTOR_NEEDED" ? "cordon" : "red"} variant="light" role="alert">
                {problem.code === "SECOND_FACTOR_NEEDED" ? t("signIn.needsCode") : t("signIn.refused")}
              </Alert>
            )}
            {signIn.error !== null && !refused && <ProblemNotice error={signIn.error} />}
            <Button type="submit" fullWidth mt={4} loading={signIn.isPending}>
              {t("signIn.submit")}
            </Button>
          </Stack>
        </form>
      )}
      {methods?.oidc && (
        <>
          {methods.password && <Divider label={t("signIn.or")} />}
          <Button component="a" href={`${consoleApiBase}/oidc/start`} variant="default" fullWidth>
            {methods.oidc.label}
          </Button>
        </>
      )}
    </LonePage>
  );
}

/** The first page that anybody sees of a new installation. */
function SetupNeeded({ onSignIn }: { onSignIn: () => void }) {
  const { t } = useTranslation();
  return (
    <LonePage title={t("signIn.setupNeeded")}>
      <Text size="sm">{t("signIn.setupNeededWhy")}</Text>
      <div>
        <Text size="sm" mb={6}>
          {t("signIn.setupCommand")}
        </Text>
        <Code block>cordon-server user add NAME --role administrator</Code>
      </div>
      <Button variant="subtle" onClick={onSignIn}>
        {t("signIn.haveAccount")}
      </Button>
    </LonePage>
  );
}
