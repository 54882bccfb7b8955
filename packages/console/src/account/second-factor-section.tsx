import { Button, PasswordInput } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useChange } from "../api/queries.ts";
import { announce } from "../parts/announce.ts";
import { ConfirmDialog } from "../parts/confirm-dialog.tsx";
import { Mark } from "../parts/mark.tsx";
import { ProblemNotice } from "../parts/problem-notice.tsx";
import { Section } from "../parts/section.tsx";
import { sessionQuery, useSession } from "../session/session.ts";
import { SecondFactorDialog } from "./second-factor-dialog.tsx";

export function SecondFactorSection() {
  const { t } = useTranslation();
  const client = useQueryClient();
  const { hasSecondFactor } = useSession();
  const [isRemoving, setRemoving] = useState(false);
  const offer = useChange("offerSecondFactor", { touches: [] });
  const finish = (text: string) => {
    announce(text);
    offer.reset();
    setRemoving(false);
    void client.invalidateQueries({ queryKey: sessionQuery.queryKey });
  };
  return (
    <Section
      title={t("account.secondFactor")}
      beside={
        hasSecondFactor ? (
          <Button size="xs" variant="default" onClick={() => setRemoving(true)}>
            {t("account.turnOff")}
          </Button>
        ) : (
          <Button size="xs" loading={offer.isPending} onClick={() => offer.mutate({ args: {} })}>
            {t("account.turnOn")}
          </Button>
        )
      }
    >
      <div style={{ fontSize: 13.5 }}>
        <Mark tone={hasSecondFactor ? "good" : "quiet"}>
          {hasSecondFactor ? t("account.secondFactorOn") : t("account.secondFactorOff")}
        </Mark>
      </div>
      {offer.error !== null && <ProblemNotice error={offer.error} />}
      {offer.data !== undefined && (
        <SecondFactorDialog offer={offer.data} onClose={offer.reset} onDone={() => finish(t("account.turnedOn"))} />
      )}
      {isRemoving && <RemoveDialog onClose={() => setRemoving(false)} onDone={() => finish(t("account.turnedOff"))} />}
    </Section>
  );
}

function RemoveDialog({ onClose, onDone }: { onClose: () => void; onDone: () => void }) {
  const { t } = useTranslation();
  const [password, setPassword] = useState("");
  const remove = useChange("removeSecondFactor", { touches: [], onDone });
  return (
    <ConfirmDialog
      title={t("account.removeTitle")}
      what={t("account.removeWhy")}
      confirm={t("account.removeConfirm")}
      dangerous
      disabled={password === ""}
      change={remove}
      onConfirm={() => remove.mutate({ args: { body: { password } } })}
      onClose={onClose}
    >
      <PasswordInput
        label={t("account.current")}
        value={password}
        onChange={(event) => setPassword(event.currentTarget.value)}
        autoComplete="current-password"
      />
    </ConfirmDialog>
  );
}
