import { Center, Loader } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Outlet } from "@tanstack/react-router";
import { useEffect } from "react";
import { useTranslation } from "react-i18next";
import { isApiProblem } from "../api/api-problem.ts";
import { queryClient } from "../api/queries.ts";
import { Frame } from "../frame/frame.tsx";
import { ProblemNotice } from "../parts/problem-notice.tsx";
import { NewPasswordPage } from "./new-password-page.tsx";
import { sessionQuery, useSetSession } from "./session.ts";
import { SignInPage } from "./sign-in-page.tsx";

/** What is shown depends on who is signed in; the address stays, so that signing in leads to where one wanted to go. */
export function SessionGate() {
  const { t } = useTranslation();
  const { data: session, isPending, error, refetch } = useQuery(sessionQuery);
  const setSession = useSetSession();
  useEffect(
    () =>
      // Any call may be the one that learns that the session has ended.
      queryClient.getQueryCache().subscribe((event) => {
        if (event.type !== "updated" || event.action.type !== "error" || event.query.queryKey[0] === "session") return;
        if (isApiProblem(event.action.error) && event.action.error.status === 401) setSession(null);
      }),
    [setSession],
  );
  if (isPending) {
    return (
      <Center h="100%">
        <Loader aria-label={t("list.loading")} />
      </Center>
    );
  }
  if (error !== null && session === undefined) {
    return (
      <Center h="100%" p="md">
        <ProblemNotice error={error} title={t("problems.notLoaded")} onRetry={() => void refetch()} />
      </Center>
    );
  }
  if (session === null || session === undefined) return <SignInPage />;
  if (session.mustChangePassword) return <NewPasswordPage />;
  return (
    <Frame>
      <Outlet />
    </Frame>
  );
}
