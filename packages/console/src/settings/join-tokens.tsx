import type { ConsoleReply } from "@cordon/contract/console-api";
import { Button, Loader, Table, Text } from "@mantine/core";
import { IconPlus } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { callQuery, useChange } from "../api/queries.ts";
import { ConfirmDialog } from "../parts/confirm-dialog.tsx";
import { Moment } from "../parts/moment.tsx";
import { ProblemNotice } from "../parts/problem-notice.tsx";
import { Section } from "../parts/section.tsx";
import { useMay } from "../session/session.ts";
import { JoinTokenDialog } from "./join-token-dialog.tsx";

type JoinToken = ConsoleReply<"listJoinTokens">["items"][number];

export function JoinTokens() {
  const { t } = useTranslation();
  const may = useMay();
  const mayChange = may("join-tokens.change");
  const { data, error, refetch } = useQuery(callQuery("listJoinTokens", {}));
  const [isMaking, setMaking] = useState(false);
  const [revoked, setRevoked] = useState<JoinToken | null>(null);
  return (
    <Section
      title={t("settings.joinTokens")}
      why={t("settings.joinTokensWhy")}
      beside={
        mayChange && (
          <Button size="xs" leftSection={<IconPlus size={15} aria-hidden />} onClick={() => setMaking(true)}>
            {t("settings.createToken")}
          </Button>
        )
      }
    >
      {data === undefined &&
        (error === null ? (
          <Loader size="sm" aria-label={t("list.loading")} />
        ) : (
          <ProblemNotice error={error} title={t("problems.notLoaded")} onRetry={() => void refetch()} />
        ))}
      {data !== undefined && data.items.length === 0 && (
        <Text size="sm" c="dimmed">
          {t("settings.noTokens")}. {mayChange && t("settings.noTokensWhy")}
        </Text>
      )}
      {data !== undefined && data.items.length > 0 && (
        <Table fz="sm">
          <Table.Thead>
            <Table.Tr>
              {(["tokenId", "createdAt", "expiresAt", "usesLeft"] as const).map((column) => (
                <Table.Th key={column}>{t(`settings.tokenColumns.${column}`)}</Table.Th>
              ))}
              {mayChange && <Table.Th aria-label={t("actions.more")} />}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {data.items.map((token) => (
              <Table.Tr key={token.tokenId}>
                <Table.Td ff="monospace" title={token.tokenId}>
                  {token.tokenId.slice(0, 8)}
                </Table.Td>
                <Table.Td>
                  <Moment at={token.createdAt} />
                </Table.Td>
                <Table.Td>
                  <Moment at={token.expiresAt} />
                </Table.Td>
                <Table.Td>{token.usesLeft.toLocaleString()}</Table.Td>
                {mayChange && (
                  <Table.Td ta="right">
                    <Button size="compact-xs" variant="default" onClick={() => setRevoked(token)}>
                      {t("settings.revoke")}
                    </Button>
                  </Table.Td>
                )}
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      )}
      {isMaking && <JoinTokenDialog onClose={() => setMaking(false)} />}
      {revoked !== null && <RevokeDialog token={revoked} onClose={() => setRevoked(null)} />}
    </Section>
  );
}

function RevokeDialog({ token, onClose }: { token: JoinToken; onClose: () => void }) {
  const { t } = useTranslation();
  const revoke = useChange("revokeJoinToken", { touches: ["listJoinTokens"], onDone: onClose });
  return (
    <ConfirmDialog
      title={t("settings.revokeTitle")}
      what={t("settings.revokeWhy")}
      confirm={t("settings.revokeConfirm")}
      dangerous
      change={revoke}
      onConfirm={() => revoke.mutate({ args: { params: { tokenId: token.tokenId } } })}
      onClose={onClose}
    />
  );
}
