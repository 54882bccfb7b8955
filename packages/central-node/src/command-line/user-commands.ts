import { exitCodes, type Output, type Program, printable, table } from "@cordon/terminal";
import { Option } from "commander";
import { type User, userRoles } from "../users/user-service.ts";
import { type AdminVerbs, dataDirFlag } from "./admin-verb.ts";
import { askForPassword, readPasswordFromStdin } from "./read-password.ts";

export function addUserCommands(program: Program, { clientOf }: AdminVerbs): void {
  const noun = program.noun("user", "people who may use the console");
  const passwordStdin = new Option("--password-stdin", "read the password from stdin instead of asking for it");

  noun.verb({
    words: "add <name>",
    summary: "add a user; the password is asked for",
    examples: [
      ["cordon-server user add alice --role administrator"],
      ["pass show cordon/alice | cordon-server user add alice --role security-officer --password-stdin"],
    ],
    flags: (command) =>
      dataDirFlag(command)
        .addOption(new Option("--role <role>", "what the user may do").choices(userRoles).makeOptionMandatory())
        .addOption(passwordStdin),
    parse: ([name], flags) => ({ flags, name: String(name), role: flags.role }),
    async act({ flags, name, role }, output) {
      const password = await readPassword(flags, output);
      const user = await clientOf(flags).post<User>("/users", { name, role, password });
      output.answer(user, () => `added ${printable(user.name)} as ${user.role}`);
      return exitCodes.done;
    },
  });

  noun.verb({
    words: "list",
    summary: "list the users",
    flags: dataDirFlag,
    parse: (_words, flags) => flags,
    async act(flags, output) {
      const users = await clientOf(flags).get<User[]>("/users");
      output.answer(users, () =>
        users.length === 0
          ? "There is no user yet."
          : table(
              ["name", "role", "added", "disabled"],
              users.map((user) => [user.name, user.role, user.createdAt, user.disabledAt]),
            ),
      );
      return exitCodes.done;
    },
  });

  const verbs = [
    ["disable", "keep a user out; the last administrator stays"],
    ["enable", "let a disabled user in again"],
  ] as const;
  for (const [verb, summary] of verbs) {
    noun.verb({
      words: `${verb} <name>`,
      summary,
      flags: dataDirFlag,
      parse: ([name], flags) => ({ flags, name: String(name) }),
      async act({ flags, name }, output) {
        const user = await clientOf(flags).post<User>(`/users/${encodeURIComponent(name)}/${verb}`);
        output.answer(user, () => `${verb}d ${printable(user.name)}`);
        return exitCodes.done;
      },
    });
  }

  noun.verb({
    words: "set-password <name>",
    summary: "give a user another password; it is asked for",
    flags: (command) => dataDirFlag(command).addOption(passwordStdin),
    parse: ([name], flags) => ({ flags, name: String(name) }),
    async act({ flags, name }, output) {
      const password = await readPassword(flags, output);
      const user = await clientOf(flags).post<User>(`/users/${encodeURIComponent(name)}/password`, { password });
      output.answer(user, () => `changed the password of ${printable(user.name)}`);
      return exitCodes.done;
    },
  });
}

function readPassword(flags: Record<string, unknown>, { terminal }: Output): Promise<string> {
  return flags.passwordStdin === true ? readPasswordFromStdin(terminal.stdin) : askForPassword(terminal);
}
