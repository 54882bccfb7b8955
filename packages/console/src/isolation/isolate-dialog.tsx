import type { ConsoleReply } from "@cordon/contract/console-api";
import { Alert, Button, Group, List, Loader, NumberInput, Stack, Text } from "@mantine/core";
import { IconNetworkOff } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useChange } from "../api/queries.ts";
import { type NamedHost, namesOf } from "../hosts/named-host.ts";
import { announce, announceBulk } from "../parts/announce.ts";
import { Dialog } from "../parts/dialog.tsx";
import { useNow } from "../parts/now.ts";
import { ProblemNotice } from "../parts/problem-notice.tsx";
import { localTimeText } from "../text/time-text.ts";
import { draftFault, draftOf, type ExclusionDraft, exclusionOf } from "./exclusion-draft.ts";
import { exclusionText } from "./exclusion-text.ts";
import { ExclusionsEditor, newKey } from "./exclusions-editor.tsx";
import { useIsolationRule } from "./use-isolation-rule.ts";

type Rule = ConsoleReply<"getIsolationRule">;
const touches = ["listIsolationRules", "getIsolationRule", "listHosts", "getHost"] as const;

/** Isolates hosts that were picked; of a single one that has a rule, starts from that and replaces it. */
export function IsolateDialog(props: { hosts: readonly NamedHost[]; onClose: () => void; onDone?: () => void }) {
  const { t } = useTranslation();
  const [only] = props.hosts;
  const isOne = props.hosts.length === 1 && only !== undefined;
  const rule = useIsolationRule(only?.sensorId ?? "", isOne);
  const isKnown = !isOne || rule.data !== undefined;
  const found = rule.data ?? null;
  const isActive = found !== null && found.state !== "ended" && found.state !== "disabled";
  const title = isActive
    ? t("isolation.changeTitle", { name: found.hostName })
    : t("isolation.title", namesOf(props.hosts));
  return (
    <Dialog onClose={props.onClose} title={title} size={720}>
      {!isKnown && rule.error !== null ? (
        <ProblemNotice error={rule.error} title={t("problems.notLoaded")} />
      ) : isKnown ? (
        <IsolateForm {...props} rule={found} isActive={isActive} />
      ) : (
        <Loader size="sm" aria-label={t("list.loading")} />
      )}
    </Dialog>
  );
}

function IsolateForm({
  hosts,
  rule,
  isActive,
  onClose,
  onDone,
}: {
  hosts: readonly NamedHost[];
  rule: Rule | null;
  isActive: boolean;
  onClose: () => void;
  onDone?: () => void;
}) {
  const { t } = useTranslation();
  const [hours, setHours] = useState<number | string>(rule?.hours ?? 8);
  const [drafts, setDrafts] = useState<ExclusionDraft[]>(() =>
    (rule?.exclusions ?? []).map((each) => draftOf(each, newKey())),
  );
  const [tried, setTried] = useState(false);
  // The version that was looked at, not the one that came meanwhile: somebody else's change must not be overwritten unseen.
  const [seen] = useState(rule?.generation);
  const isolate = useChange("isolate", {
    touches,
    onDone: (reply) => {
      announceBulk(reply, t("isolation.ordered", { count: reply.done, formatted: reply.done.toLocaleString() }), t);
      onDone?.();
      onClose();
    },
  });
  const replace = useChange("changeIsolation", {
    touches,
    onDone: () => {
      announce(t("isolation.ordered", { count: 1, formatted: "1" }));
      onDone?.();
      onClose();
    },
  });
  const hoursAreRight = typeof hours === "number" && Number.isInteger(hours) && hours >= 1 && hours <= 9999;
  const isRight = hoursAreRight && drafts.every((draft) => draftFault(draft) === null);
  const order = () => {
    setTried(true);
    if (!isRight) return;
    const wish = { hours, exclusions: drafts.map(exclusionOf) };
    const [only] = hosts;
    if (isActive && only !== undefined && seen !== undefined) {
      replace.mutate({ args: { params: { sensorId: only.sensorId }, body: wish }, ifMatch: seen });
    } else {
      isolate.mutate({ args: { body: { ...wish, sensorIds: hosts.map(({ sensorId }) => sensorId) } } });
    }
  };
  const error = isolate.error ?? replace.error;
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        order();
      }}
    >
      <Stack gap="md">
        <NumberInput
          label={t("isolation.hours")}
          description={t("isolation.hoursWhy")}
          value={hours}
          onChange={setHours}
          min={1}
          max={9999}
          allowDecimal={false}
          clampBehavior="none"
          error={tried && !hoursAreRight ? t("isolation.faults.hours") : null}
          w={300}
          data-autofocus
        />
        <div>
          <Text size="sm" fw={500}>
            {t("isolation.exclusions")}
          </Text>
          <Text size="xs" c="dimmed" mb={6}>
            {t("isolation.exclusionsWhy")}
          </Text>
          <ExclusionsEditor drafts={drafts} onChange={setDrafts} showFaults={tried} />
        </div>
        <WhatWillHappen hosts={hosts} hours={hoursAreRight ? hours : null} drafts={drafts} isActive={isActive} />
        {error !== null && <ProblemNotice error={error} />}
        <Group justify="flex-end" gap="xs">
          <Button variant="default" onClick={onClose}>
            {t("actions.cancel")}
          </Button>
          <Button type="submit" loading={isolate.isPending || replace.isPending}>
            {isActive ? t("isolation.changeConfirm") : t("isolation.confirm", namesOf(hosts))}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

/** In words, before it is ordered: what is cut, what stays, how it is undone. */
function WhatWillHappen({
  hosts,
  hours,
  drafts,
  isActive,
}: {
  hosts: readonly NamedHost[];
  hours: number | null;
  drafts: ExclusionDraft[];
  isActive: boolean;
}) {
  const { t, i18n } = useTranslation();
  const now = useNow(60_000);
  const right = drafts.filter((draft) => draftFault(draft) === null).map(exclusionOf);
  const end =
    hours === null ? "…" : (localTimeText(new Date(now + hours * 3_600_000).toISOString(), i18n.language) ?? "…");
  return (
    <Alert variant="light" color="cordon" icon={<IconNetworkOff aria-hidden />}>
      <Stack gap={6}>
        <Text size="sm" fw={600} style={{ overflowWrap: "anywhere" }}>
          {t("isolation.sentence.cut", { ...namesOf(hosts), end })}
        </Text>
        {right.length === 0 ? (
          <Text size="sm">{t("isolation.sentence.nothingStays")}</Text>
        ) : (
          <>
            <Text size="sm">{t("isolation.sentence.stays")}</Text>
            <List size="sm">
              {right.map((exclusion, index) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: two may say the same, and none keeps a state
                <List.Item key={index}>{exclusionText(exclusion, t)}</List.Item>
              ))}
            </List>
          </>
        )}
        {isActive && <Text size="sm">{t("isolation.sentence.replaces")}</Text>}
        <Text size="sm">{t("isolation.sentence.undo")}</Text>
      </Stack>
    </Alert>
  );
}
