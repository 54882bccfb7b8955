import type { TFunction } from "i18next";
import { type Exclusion, portsText, protocolText } from "./exclusion-draft.ts";

/** An exclusion as a person would say it: `TCP to 10.0.0.5, remote port 443`. */
export function exclusionText(exclusion: Exclusion, t: TFunction): string {
  const { direction, remoteAddress: address, localPorts, remotePorts } = exclusion;
  const protocol = protocolText(exclusion.protocol) ?? t("isolation.said.every");
  if (direction === "both") return t("isolation.said.both", { protocol, address });
  const ports = [
    localPorts === null ? "" : t("isolation.said.localPorts", { ports: portsText(localPorts) }),
    remotePorts === null ? "" : t("isolation.said.remotePorts", { ports: portsText(remotePorts) }),
  ].join("");
  return t(`isolation.said.${direction}`, { protocol, address, ports });
}
