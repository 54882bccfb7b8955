import assert from "node:assert/strict";
import { test } from "node:test";
import type { SettingReportRow } from "../database/tables.ts";
import { testDatabases } from "../database/test-databases.ts";
import { createReportBatch } from "./report-batch.ts";
import { settingStore } from "./setting-store.ts";

const at = "2026-11-24T10:00:00.000Z";
const reportOf = (sensor_id: string, changes: Partial<SettingReportRow> = {}): SettingReportRow => ({
  ...{ sensor_id, scope: "all", action: "prevention", generation: 1, journal_id: "j", report_number: 1 },
  ...{ state: "in-effect", reason: null, detail: null, refused: null, refused_count: null },
  ...{ reported_at: at, received_at: at, ...changes },
});

for (const kind of testDatabases) {
  test(`${kind.name}: a report that the database refuses fails alone, and those beside it are kept`, async (t) => {
    const database = await kind.open(t);
    await database.writeInTurn((tx) =>
      settingStore.put(tx, {
        ...{ target: "all", action: "prevention", generation: 1, wish: "{}", enabled: 1, ordered_at: at },
        ...{ ordered_by: "{}", ends_at: null, digest: null, deltas_since: null, forgotten_at: null },
      }),
    );
    const put = createReportBatch(database);
    const refused = reportOf("b", { reported_at: null as unknown as string });
    const outcomes = await Promise.allSettled([put(reportOf("a")), put(refused), put(reportOf("c"))]);
    assert.deepEqual(
      outcomes.map((outcome) => (outcome.status === "fulfilled" ? outcome.value : "refused")),
      [true, "refused", true],
    );
    const rows = await database.read.selectFrom("setting_reports").select("sensor_id").orderBy("sensor_id").execute();
    assert.deepEqual(
      rows.map((row) => row.sensor_id),
      ["a", "c"],
    );
  });
}
