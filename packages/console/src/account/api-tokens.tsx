import type { ConsoleReply } from "@cordon/contract/console-api";
import { Button, Table, Text } from "@mantine/core";
import { IconPlus } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { callQuery, useChange } from "../api/queries.ts";
import { ConfirmDialog } from "../parts/confirm-dialog.tsx";
import { Moment } from "../parts/moment.tsx";
import { ProblemNotice } from "../parts/problem-notice.tsx";
import { Section } from "../parts/section.tsx";
import { ApiTokenDialog } from "./api-token-dialog.tsx";

type ApiToken = ConsoleReply<"listApiTokens">["items"][number];

export function ApiTokens() {
  const { t } = useTranslation();
  const { data, error, refetch } = useQuery(callQuery("listApiTokens", {}));
  const [isMaking, setMaking] = useState(false);
  const [revoked, setRevoked] = useState<ApiToken | null>(null);
  return (
    <Section
      title={t("account.tokens")}
      why={t("account.tokensWhy")}
      beside={
        <Button size="xs" leftSection={<IconPlus size={15} aria-hidden />} onClick={() => setMaking(true)}>
          {t("account.createToken")}
        </Button>
      }
    >
      {error !== null && <ProblemNotice error={error} title={t("problems.notLoaded")} onRetry={() => void refetch()} />}
      {data?.items.length === 0 && (
        <Text size="sm" c="dimmed">
          {t("account.noTokens")}
        </Text>
      )}
      {data !== undefined && data.items.length > 0 && (
        <Table fz="sm">
          <Table.Thead>
            <Table.Tr>
              {(["name", "role", "createdAt", "expiresAt", "lastUsedAt"] as const).map((column) => (
                <Table.Th key={column}>{t(`account.tokenColumns.${column}`)}</Table.Th>
              ))}
              <Table.Th aria-label={t("account.revoke")} />
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {data.items.map((token) => (
              <Table.Tr key={token.tokenId}>
                <Table.Td style={{ overflowWrap: "anywhere" }}>{token.name}</Table.Td>
                <Table.Td>{t(`roles.${token.role}`)}</Table.Td>
                <Table.Td>
                  <Moment at={token.createdAt} />
                </Table.Td>
                <Table.Td>
                  <Moment at={token.expiresAt} none={t("time.never")} />
                </Table.Td>
                <Table.Td>
                  <Moment at={token.lastUsedAt} none={t("time.never")} />
                </Table.Td>
                <Table.Td ta="right">
                  <Button size="compact-xs" variant="default" onClick={() => setRevoked(token)}>
                    {t("account.revoke")}
                  </Button>
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      )}
      {isMaking && <ApiTokenDialog onClose={() => setMaking(false)} />}
      {revoked !== null && <RevokeDialog token={revoked} onClose={() => setRevoked(null)} />}
    </Section>
  );
}

function RevokeDialog({ token, onClose }: { token: ApiToken; onClose: () => void }) {
  const { t } = useTranslation();
  const revoke = useChange("revokeApiToken", { touches: ["listApiTokens"], onDone: onClose });
  return (
    <ConfirmDialog
      title={t("account.revokeTitle", { name: token.name })}
      what={t("account.revokeWhy")}
      confirm={t("account.revokeConfirm")}
      dangerous
      change={revoke}
      onConfirm={() => revoke.mutate({ args: { params: { tokenId: token.tokenId } } })}
      onClose={onClose}
    />
  );
}
