import type { ConsoleReply } from "@cordon/contract/console-api";
import { Button, Group, PinInput, Stack, Text } from "@mantine/core";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { encode } from "uqr";
import { useChange } from "../api/queries.ts";
import { CopyText } from "../parts/copy-text.tsx";
import { Dialog } from "../parts/dialog.tsx";
import { ProblemNotice } from "../parts/problem-notice.tsx";

/** The secret goes from this page into the app by camera: no other machine ever sees it. */
export function SecondFactorDialog({
  offer,
  onClose,
  onDone,
}: {
  offer: ConsoleReply<"offerSecondFactor">;
  onClose: () => void;
  onDone: () => void;
}) {
  const { t } = useTranslation();
  const [code, setCode] = useState("");
  const confirm = useChange("confirmSecondFactor", { touches: [], onDone });
  const send = (digits: string) => confirm.mutate({ args: { body: { code: digits } } });
  return (
    <Dialog onClose={onClose} title={t("account.offerTitle")}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          send(code);
        }}
      >
        <Stack gap="sm" align="center">
          <Text size="sm">{t("account.scan")}</Text>
          <QrCode text={offer.uri} label={t("account.scanLabel")} />
          <Text size="sm" component="div">
            {t("account.typeInstead")} <CopyText text={offer.secret} />
          </Text>
          <Text size="sm">{t("account.thenCode")}</Text>
          <PinInput
            length={6}
            type="number"
            oneTimeCode
            value={code}
            onChange={setCode}
            ariaLabel={t("signIn.code")}
            aria-label={t("signIn.code")}
          />
          {confirm.error !== null && <ProblemNotice error={confirm.error} />}
          <Group justify="flex-end" gap="xs" w="100%">
            <Button variant="default" onClick={onClose}>
              {t("actions.cancel")}
            </Button>
            <Button type="submit" disabled={code.length !== 6} loading={confirm.isPending}>
              {t("account.confirmCode")}
            </Button>
          </Group>
        </Stack>
      </form>
    </Dialog>
  );
}

function QrCode({ text, label }: { text: string; label: string }) {
  const path = useMemo(() => {
    const { data, size } = encode(text, { ecc: "M", border: 2 });
    const squares = data.flatMap((row, y) => row.flatMap((dark, x) => (dark ? [`M${x} ${y}h1v1h-1z`] : [])));
    return { size, d: squares.join("") };
  }, [text]);
  return (
    // White behind it in the dark as well: cameras want it so.
    <svg viewBox={`0 0 ${path.size} ${path.size}`} width={208} height={208} role="img" aria-label={label}>
      <rect width={path.size} height={path.size} fill="#fff" />
      <path d={path.d} fill="#000" shapeRendering="crispEdges" />
    </svg>
  );
}
