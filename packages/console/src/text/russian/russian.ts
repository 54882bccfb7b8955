import { account, audit, externalSystems, settings, users } from "./administration.ts";
import { general } from "./general.ts";
import { hosts, isolation, overview, prevention, tasks } from "./orders.ts";
import { newPassword, setUp, signIn } from "./sign-in.ts";

export const russian = {
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
