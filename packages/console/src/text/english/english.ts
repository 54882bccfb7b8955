import { account, audit, externalSystems, settings, users } from "./administration.ts";
import { general } from "./general.ts";
import { hosts, isolation, overview, prevention, tasks } from "./orders.ts";
import { newPassword, setUp, signIn } from "./sign-in.ts";

/** Every text of the page. The other languages have the same keys; a test sees to it. */
export const english = {
  ...general,
  signIn,
  setUp,
  newPassword,
  overview,
  hosts,
  isolation,
  prevention,
  tasks,
  externalSystems,
  users,
  audit,
  settings,
  account,
};
