import type { ConsoleReply } from "@cordon/contract/console-api";
import { Alert, Button, Group, Radio, Stack, Switch, Text, TextInput } from "@mantine/core";
import { IconBan } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useChange } from "../api/queries.ts";
import { HostPicker } from "../hosts/host-picker.tsx";
import type { NamedHost } from "../hosts/named-host.ts";
import { announce } from "../parts/announce.ts";
import { Dialog } from "../parts/dialog.tsx";
import { ProblemNotice } from "../parts/problem-notice.tsx";
import { cleanHash, isHash } from "./hash-text.ts";
import { ruleName } from "./rule-name.ts";

type Rule = ConsoleReply<"getPreventionRule">;
const touches = ["listPreventionRules", "getPreventionRule", "listHosts"] as const;

/** A new rule, for hosts that were picked or for all; or a rule that is there, whose hash stays as it is. */
export function RuleDialog({
  rule = null,
  hosts = [],
  onClose,
}: {
  rule?: Rule | null;
  hosts?: readonly NamedHost[];
  onClose: () => void;
}) {
  const { t } = useTranslation();
  const [name, setName] = useState(rule?.name ?? "");
  const [hash, setHash] = useState(rule?.hash ?? "");
  const [onAll, setOnAll] = useState(rule === null ? hosts.length === 0 : rule.scope === "all");
  const [picked, setPicked] = useState<readonly NamedHost[]>(
    rule === null ? hosts : rule.scope === "all" ? [] : rule.scope,
  );
  const [enabled, setEnabled] = useState(rule?.enabled ?? true);
  const [tried, setTried] = useState(false);
  // What was looked at: somebody else's change since then must not be overwritten unseen.
  const [seen] = useState(rule?.version);
  const finish = (text: string) => () => {
    announce(text);
    onClose();
  };
  const create = useChange("createPreventionRule", { touches, onDone: finish(t("prevention.created")) });
  const change = useChange("changePreventionRule", { touches, onDone: finish(t("prevention.saved")) });
  const hashIsRight = isHash(cleanHash(hash));
  const scopeIsRight = onAll || picked.length > 0;
  const order = () => {
    setTried(true);
    if (!hashIsRight || !scopeIsRight || name.trim() === "") return;
    const scope = onAll ? ("all" as const) : picked.map(({ sensorId }) => sensorId);
    if (rule === null) create.mutate({ args: { body: { name: name.trim(), hash: cleanHash(hash), scope, enabled } } });
    else {
      const args = { params: { ruleId: rule.ruleId }, body: { name: name.trim(), scope, enabled } };
      change.mutate(seen === undefined ? { args } : { args, ifMatch: seen });
    }
  };
  const error = create.error ?? change.error;
  return (
    <Dialog
      onClose={onClose}
      title={rule === null ? t("prevention.createTitle") : t("prevention.editTitle", { name: ruleName(rule) })}
      size="lg"
    >
      <form
        onSubmit={(event) => {
          event.preventDefault();
          order();
        }}
      >
        <Stack gap="sm">
          <TextInput
            label={t("prevention.hash")}
            value={hash}
            onChange={(event) => setHash(event.currentTarget.value)}
            disabled={rule !== null}
            error={tried && !hashIsRight ? t("prevention.hashFault") : null}
            ff="monospace"
            spellCheck={false}
            autoComplete="off"
            data-autofocus={rule === null || undefined}
          />
          <TextInput
            label={t("prevention.name")}
            description={t("prevention.nameWhy")}
            value={name}
            onChange={(event) => setName(event.currentTarget.value)}
            maxLength={1024}
            required
            withAsterisk={false}
          />
          <Radio.Group
            label={t("prevention.scope")}
            value={onAll ? "all" : "some"}
            onChange={(value) => setOnAll(value === "all")}
          >
            <Stack gap={6} mt={6}>
              <Radio value="all" label={t("prevention.onAll")} size="sm" />
              <Radio value="some" label={t("prevention.onSome")} size="sm" />
            </Stack>
          </Radio.Group>
          {!onAll && (
            <HostPicker
              label={t("tasks.onHosts")}
              picked={picked}
              onChange={setPicked}
              error={tried && !scopeIsRight ? t("hosts.pickOne") : null}
            />
          )}
          <Switch
            checked={enabled}
            onChange={(event) => setEnabled(event.currentTarget.checked)}
            label={t("prevention.enableNow")}
          />
          <Alert variant="light" color="cordon" icon={<IconBan aria-hidden />}>
            <Text size="sm">{t("prevention.sentence")}</Text>
            <Text size="sm" mt={4}>
              {t("prevention.undo")}
            </Text>
          </Alert>
          {error !== null && <ProblemNotice error={error} />}
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={onClose}>
              {t("actions.cancel")}
            </Button>
            <Button type="submit" loading={create.isPending || change.isPending}>
              {rule === null ? t("prevention.createConfirm") : t("prevention.saveConfirm")}
            </Button>
          </Group>
        </Stack>
      </form>
    </Dialog>
  );
}
