import { execFileSync } from "node:child_process";
import { createHash, X509Certificate } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { centralNodeTlsName } from "@cordon/contract";

export type OpensslAuthority = ReturnType<typeof createOpensslAuthority>;

/** A CA of the test's own, kept by openssl: what signs here is not our code. */
export function createOpensslAuthority(name = "Test CA") {
  const directory = mkdtempSync(join(tmpdir(), "cordon-ca-"));
  const at = (file: string) => join(directory, file);
  const openssl = (...args: string[]) =>
    execFileSync("openssl", args, { cwd: directory, stdio: ["ignore", "pipe", "pipe"] });
  const newKey = (file: string) =>
    openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", at(file));

  newKey("ca.key");
  openssl("req", "-x509", "-new", "-key", at("ca.key"), "-subj", `/CN=${name}`, "-days", "30", "-out", at("ca.pem"));
  const certificate = readFileSync(at("ca.pem"), "utf8");

  const authority = {
    certificate,
    fingerprint: createHash("sha256").update(new X509Certificate(certificate).raw).digest("hex"),
    /** Signs a PEM request. */
    sign(request: string, extensions: string, days = 30): string {
      writeFileSync(at("request.pem"), request);
      writeFileSync(at("extensions"), extensions);
      const dates = ["-days", String(days)];
      openssl(
        ...["x509", "-req", "-in", at("request.pem"), "-CA", at("ca.pem"), "-CAkey", at("ca.key"), "-CAcreateserial"],
        ...[...dates, "-extfile", at("extensions"), "-out", at("signed.pem")],
      );
      return readFileSync(at("signed.pem"), "utf8");
    },
    signAgent: (request: string) => authority.sign(request, "extendedKeyUsage=clientAuth\n"),
    /** Key and certificate, PEM, of a server by the name that agents check, or another. */
    server(serverName: string = centralNodeTlsName): { key: string; cert: string } {
      newKey("server.key");
      openssl("req", "-new", "-key", at("server.key"), "-subj", "/CN=server", "-out", at("server.csr"));
      const cert = authority.sign(
        readFileSync(at("server.csr"), "utf8"),
        `subjectAltName=DNS:${serverName}\nextendedKeyUsage=serverAuth\n`,
      );
      return { key: readFileSync(at("server.key"), "utf8"), cert };
    },
    remove: () => rmSync(directory, { recursive: true, force: true }),
  };
  return authority;
}
