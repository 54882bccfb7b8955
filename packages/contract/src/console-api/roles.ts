/** Who may do what in the console. One table: the API enforces it, the page shows by it, the tests walk through it. */
export const consoleRoles = [
  "administrator",
  "senior-security-officer",
  "security-officer",
  "security-auditor",
] as const;
export type ConsoleRole = (typeof consoleRoles)[number];

const everyone: readonly ConsoleRole[] = consoleRoles;
const administrator: readonly ConsoleRole[] = ["administrator"];
const seniorOfficer: readonly ConsoleRole[] = ["senior-security-officer"];

/**
 * Permission → roles that have it. As in KATA: an administrator runs the system and gives no orders, a senior security
 * officer gives every order, a security officer sees hosts and rules, an auditor sees everything and changes nothing.
 */
export const consolePermissions = {
  "own-account": everyone,
  "hosts.see": everyone,
  "rules.see": everyone,
  "tasks.see": everyone,
  "isolation.order": seniorOfficer,
  "prevention.order": seniorOfficer,
  "tasks.order": seniorOfficer,
  "hosts.remove": administrator,
  "external-systems.see": ["administrator", "security-auditor"],
  "external-systems.decide": administrator,
  "users.see": ["administrator", "security-auditor"],
  "users.change": administrator,
  "audit.see": ["administrator", "security-auditor"],
  "settings.see": ["administrator", "security-auditor"],
  "settings.change": administrator,
  "join-tokens.see": ["administrator", "security-auditor"],
  "join-tokens.change": administrator,
} as const satisfies Record<string, readonly ConsoleRole[]>;
export type ConsolePermission = keyof typeof consolePermissions;

export function isPermitted(role: ConsoleRole, permission: ConsolePermission): boolean {
  return (consolePermissions[permission] as readonly ConsoleRole[]).includes(role);
}

/** Reports whether `role` may do nothing that `above` may not: what an API token of somebody with the role `above` may have. */
export function isWithin(role: ConsoleRole, above: ConsoleRole): boolean {
  return (Object.keys(consolePermissions) as ConsolePermission[]).every(
    (permission) => !isPermitted(role, permission) || isPermitted(above, permission),
  );
}
