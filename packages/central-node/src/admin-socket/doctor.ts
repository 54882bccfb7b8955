import type { ExternalSystem } from "../external-systems/external-system.ts";

/** `advice`: what to do about it; null where all is well. */
export type DoctorCheck = { name: string; verdict: "ok" | "warn" | "fail"; finding: string; advice: string | null };

const dayMs = 86_400_000;
/** An agent that is connected answers within seconds: after this either it is away, or something is wrong. */
const lateOrderSec = 300;

/** What only the running node knows. */
export async function diagnoseNode(needs: {
  health: { check(): Promise<{ ready: boolean; checks: { database: boolean; nudges: boolean } }> };
  authority: { notAfter(): string };
  certificates: { describe(): { name: string; notAfter: string }[] };
  externalSystems: { list(): Promise<ExternalSystem[]> };
  orders?: { oldestNotInEffectAgeSec(): Promise<number | null> };
  now: () => Date;
}): Promise<DoctorCheck[]> {
  const { checks } = await needs.health.check();
  const authority = { name: "the certificate authority", notAfter: needs.authority.notAfter() };
  const systems = await needs.externalSystems.list();
  return [
    checks.database
      ? ok("database", "answers")
      : fail("database", "does not answer", "Look at the node's log, and at the database server."),
    checks.nudges
      ? ok("nudges", "reach the other Central Nodes")
      : warn("nudges", "do not arrive: orders take seconds longer", "Look at the connection to PostgreSQL."),
    checkLife(authority, needs.now(), { warnDays: 365, renewsItself: false }),
    ...needs.certificates.describe().map((certificate, index) =>
      // The first is the node's own, which it renews at two thirds of its life.
      checkLife(certificate, needs.now(), { warnDays: index === 0 ? 100 : 30, renewsItself: index === 0 }),
    ),
    ...(needs.orders === undefined ? [] : [checkOrders(await needs.orders.oldestNotInEffectAgeSec())]),
    checkExpired(systems),
    checkPending(systems),
  ];
}

export function ok(name: string, finding: string): DoctorCheck {
  return { name, verdict: "ok", finding, advice: null };
}

export function warn(name: string, finding: string, advice: string): DoctorCheck {
  return { name, verdict: "warn", finding, advice };
}

export function fail(name: string, finding: string, advice: string): DoctorCheck {
  return { name, verdict: "fail", finding, advice };
}

export function checkLife(
  { name, notAfter }: { name: string; notAfter: string },
  now: Date,
  { warnDays, renewsItself }: { warnDays: number; renewsItself: boolean },
): DoctorCheck {
  const days = Math.floor((Date.parse(notAfter) - now.getTime()) / dayMs);
  const until = `valid until ${notAfter.slice(0, 10)}`;
  const advice = renewsItself
    ? "It should have renewed itself: restart the node, and look at its log."
    : "Replace it before that day; operating.md says how.";
  if (days < 0) return fail(name, `expired on ${notAfter.slice(0, 10)}`, advice);
  return days < warnDays ? warn(name, `${until}, ${days} days`, advice) : ok(name, `${until}, ${days} days`);
}

function checkOrders(oldestAgeSec: number | null): DoctorCheck {
  if (oldestAgeSec === null) return ok("orders", "every host has reported on all that was ordered");
  const finding = `the oldest that no host has reported on is ${Math.round(oldestAgeSec)} s old`;
  if (oldestAgeSec < lateOrderSec) return ok("orders", finding);
  return warn(
    "orders",
    finding,
    "Its host is away, or its agent is stuck: `cordon-server host list` shows when each was seen.",
  );
}

function checkExpired(systems: ExternalSystem[]): DoctorCheck {
  const expired = systems.filter((system) => system.state === "accepted" && system.expired);
  if (expired.length === 0) return ok("external systems", "no accepted one has an expired certificate");
  const ids = expired.map((system) => system.externalSystemId).join(", ");
  return warn(
    "external systems",
    `expired certificates, which still work: ${ids}`,
    "Let them make new ones, and accept those.",
  );
}

function checkPending(systems: ExternalSystem[]): DoctorCheck {
  const pending = systems.filter((system) => system.state === "pending").length;
  if (pending === 0) return ok("pending external systems", "none");
  return warn(
    "pending external systems",
    `${pending} wait for a decision`,
    "See `cordon-server external-system list`.",
  );
}
