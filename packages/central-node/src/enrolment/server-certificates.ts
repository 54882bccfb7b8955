import { X509Certificate } from "node:crypto";
import { unwatchFile, watchFile } from "node:fs";
import { createSecureContext, type SecureContext } from "node:tls";
import { centralNodeTlsName } from "@cordon/contract";
import type { Logger } from "pino";
import { type KeyAndChain, readBroughtCertificate } from "./brought-certificate.ts";
import type { CertificateAuthority } from "./certificate-authority.ts";
import { readOrIssueOwnCertificate } from "./own-certificate.ts";

export type ServerCertificates = Awaited<ReturnType<typeof createServerCertificates>>;

/**
 * Agents ask by TLS name for the certificate of our own authority; everybody else sees the one that the administrator
 * brought, where there is one. Throws an Error when what was brought cannot be used.
 */
export async function createServerCertificates(needs: {
  dataDir: string;
  serverNames: string[];
  brought: { certificateFile: string; keyFile: string } | null;
  authority: Pick<CertificateAuthority, "authorities" | "issueServerCertificate">;
  now: () => Date;
  log: Pick<Logger, "info" | "error">;
  watchIntervalMs?: number;
}) {
  const { dataDir, serverNames, brought, authority, now, log } = needs;
  const listeners: (() => void)[] = [];
  let own = await readOwn();
  let shown = brought === null ? null : prepare(readBroughtCertificate(brought, now()));

  async function readOwn() {
    const pair = await readOrIssueOwnCertificate({ dataDir, serverNames, authority, now: now() });
    if (pair.issuedBecause !== null) log.info({ because: pair.issuedBecause }, "issued the node's own certificate");
    return prepare(pair);
  }

  /** What cannot be read now is logged, and what is served stays: the two files are rarely written at one instant. */
  async function refresh(): Promise<void> {
    try {
      own = await readOwn();
      if (brought !== null) {
        const next = prepare(readBroughtCertificate(brought, now()));
        if (next.chain !== shown?.chain) log.info({ notAfter: next.notAfter }, "took over the changed certificate");
        shown = next;
      }
    } catch (error) {
      log.error({ err: error }, "kept the earlier server certificate");
    }
    for (const listener of listeners) listener();
  }

  const files = brought === null ? [] : [brought.certificateFile, brought.keyFile];
  const onFileChanged = () => void refresh();
  for (const file of files) {
    watchFile(file, { interval: needs.watchIntervalMs ?? 5000, persistent: false }, onFileChanged);
  }

  return {
    /** For a TLS server's options: what a client without a TLS name sees. */
    defaultCertificate: (): { cert: string; key: string } => {
      const { chain, key } = shown ?? own;
      return { cert: chain, key };
    },
    /** What is shown comes from an administrator, not from our own authority. */
    isBrought: brought !== null,
    /** For a TLS server's SNICallback. */
    secureContextFor: (servername: string): SecureContext =>
      servername.toLowerCase() === centralNodeTlsName ? own.context : (shown ?? own).context,
    /** `listener` then gives `defaultCertificate()` to its servers (server.setSecureContext). */
    onChange: (listener: () => void): void => void listeners.push(listener),
    /** On SIGHUP, and once a day or more often: reads the files again and renews the node's own when it is due. */
    refresh,
    describe: (): { name: string; notAfter: string }[] => [
      { name: "the node's own server certificate", notAfter: own.notAfter },
      ...(shown === null ? [] : [{ name: "the server certificate that was brought", notAfter: shown.notAfter }]),
    ],
    close(): void {
      for (const file of files) unwatchFile(file, onFileChanged);
    },
  };
}

function prepare({ chain, key }: KeyAndChain) {
  return {
    chain,
    key,
    context: createSecureContext({ cert: chain, key, minVersion: "TLSv1.2" }),
    notAfter: new X509Certificate(chain).validToDate.toISOString(),
  };
}
