import { X509Certificate } from "node:crypto";
import type { ConsoleSettings } from "@cordon/contract/console-api";
import { fingerprintOf } from "../enrolment/certificate-authority.ts";
import type { ServerCertificates } from "../enrolment/server-certificates.ts";

import type { Installation, InstallationSettings } from "../installation/installation.ts";
import type { Handlers } from "./handlers.ts";

export function createSettingsHandlers(needs: {
  installation: Installation;
  /** Read only: from the configuration. */
  limits: Readonly<Record<string, number>>;
  certificates: Pick<ServerCertificates, "defaultCertificate" | "isBrought">;
}): Pick<Handlers, "getSettings" | "changeSettings"> {
  const { installation, limits, certificates } = needs;

  function present(settings: InstallationSettings): { reply: ConsoleSettings; version: number } {
    const certificate = new X509Certificate(certificates.defaultCertificate().cert);
    const reply = {
      ...settings,
      limits: { ...limits },
      serverCertificate: {
        subject: certificate.subject.replaceAll("\n", ", "),
        fingerprint: fingerprintOf(certificate.raw),
        notAfter: certificate.validToDate.toISOString(),
        brought: certificates.isBrought,
      },
    };
    return { reply, version: settings.version };
  }

  return {
    getSettings: async () => present(await installation.read()),
    changeSettings: async ({ body, ifMatch, actor }) => present(await installation.change(body, ifMatch, actor)),
  };
}
