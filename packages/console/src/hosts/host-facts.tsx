import type { ConsoleReply } from "@cordon/contract/console-api";
import { useTranslation } from "react-i18next";
import { CopyText } from "../parts/copy-text.tsx";
import { Facts } from "../parts/facts.tsx";
import { Ago, Moment } from "../parts/moment.tsx";
import { ProgressMark } from "../parts/progress-mark.tsx";

export function HostFacts({ host }: { host: ConsoleReply<"getHost"> }) {
  const { t } = useTranslation();
  return (
    <Facts
      facts={[
        [t("hosts.columns.isolation"), <ProgressMark key="i" progress={host.isolation} />],
        [t("hosts.columns.prevention"), <ProgressMark key="p" progress={host.prevention} />],
        [t("hosts.columns.lastAccessAt"), <Ago key="l" at={host.lastAccessAt} />],
        [t("hosts.columns.failuresLastDay"), host.failuresLastDay],
        [t("hosts.columns.ipAddresses"), host.ipAddresses.join(", ")],
        [t("hosts.columns.osName"), host.osName],
        [t("hosts.columns.agentVersion"), host.agentVersion],
        [t("hosts.columns.capabilities"), host.capabilities.join(", ")],
        [t("hosts.columns.enrolledAt"), <Moment key="e" at={host.enrolledAt} />],
        [t("hosts.columns.sensorId"), <CopyText key="s" text={host.sensorId} />],
      ]}
    />
  );
}
