import { Badge, Button, Table } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { callQuery, useChange } from "../api/queries.ts";
import { announce } from "../parts/announce.ts";
import { Ago, Moment } from "../parts/moment.tsx";
import { ProblemNotice } from "../parts/problem-notice.tsx";
import { Section } from "../parts/section.tsx";

export function SessionsSection() {
  const { t } = useTranslation();
  const { data, error, refetch } = useQuery(callQuery("listSessions", {}));
  const end = useChange("endSession", { touches: ["listSessions"], onDone: () => announce(t("account.ended")) });
  return (
    <Section title={t("account.sessions")} why={t("account.sessionsWhy")}>
      {error !== null && <ProblemNotice error={error} title={t("problems.notLoaded")} onRetry={() => void refetch()} />}
      {end.error !== null && <ProblemNotice error={end.error} />}
      {data !== undefined && (
        <Table fz="sm" layout="fixed">
          <Table.Thead>
            <Table.Tr>
              <Table.Th>{t("account.sessionColumns.userAgent")}</Table.Th>
              <Table.Th w={140}>{t("account.sessionColumns.address")}</Table.Th>
              <Table.Th w={180}>{t("account.sessionColumns.createdAt")}</Table.Th>
              <Table.Th w={140}>{t("account.sessionColumns.lastSeenAt")}</Table.Th>
              <Table.Th w={90} aria-label={t("account.end")} />
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {data.items.map((session) => (
              <Table.Tr key={session.sessionId}>
                <Table.Td
                  style={{ overflow: "hidden", textOverflow: "ellipsis", whiteSpace: "nowrap" }}
                  title={session.userAgent}
                >
                  {session.current && (
                    <Badge size="sm" variant="default" mr={6}>
                      {t("account.thisOne")}
                    </Badge>
                  )}
                  {session.userAgent}
                </Table.Td>
                <Table.Td>{session.address}</Table.Td>
                <Table.Td>
                  <Moment at={session.createdAt} />
                </Table.Td>
                <Table.Td>
                  <Ago at={session.lastSeenAt} />
                </Table.Td>
                <Table.Td ta="right">
                  {!session.current && (
                    <Button
                      size="compact-xs"
                      variant="default"
                      onClick={() => end.mutate({ args: { params: { sessionId: session.sessionId } } })}
                    >
                      {t("account.end")}
                    </Button>
                  )}
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      )}
    </Section>
  );
}
