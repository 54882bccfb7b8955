import { exitCodes, type Output, type Program, printable, table } from "@cordon/terminal";
import type { ExternalSystem } from "../external-systems/external-system.ts";
import { type AdminVerbs, dataDirFlag, optionalText } from "./admin-verb.ts";

export function addExternalSystemCommands(program: Program, { clientOf }: AdminVerbs): void {
  const noun = program.noun("external-system", "who may use the Response API: pairs of ID and client certificate");

  noun.verb({
    words: "list",
    summary: "list those that are accepted, and those that wait for a decision",
    flags: dataDirFlag,
    parse: (_words, flags) => flags,
    async act(flags, output) {
      const systems = await clientOf(flags).get<ExternalSystem[]>("/external-systems");
      output.answer(systems, () => layOut(systems, output));
      return exitCodes.done;
    },
  });

  const verbs = [
    ["accept", "let an external system in, at once", "accepted"],
    ["reject", "refuse a pending external system for good", "rejected"],
    ["withdraw", "shut out an accepted external system, at once", "withdrawn"],
  ] as const;
  for (const [verb, summary, done] of verbs) {
    noun.verb({
      words: `${verb} <id>`,
      summary,
      description:
        "An ID may have been seen with several certificates: then name the fingerprint of the one you mean. Compare it with the one that the external system's owner reads to you.",
      examples: [[`cordon-server external-system ${verb} 15301050-0490-4A41-81EA-B0391CF21EF3`]],
      flags: (command) =>
        dataDirFlag(command).option("--fingerprint <sha256>", "SHA-256 of the client certificate, hex"),
      parse: ([id], flags) => ({ flags, id: String(id), fingerprint: optionalText(flags.fingerprint) }),
      async act({ flags, id, fingerprint }, output) {
        const system = await clientOf(flags).post<ExternalSystem>(`${pathOf(id)}/${verb}`, { fingerprint });
        output.answer(system, () => `${done} ${printable(system.externalSystemId)} with ${system.fingerprint}`);
        return exitCodes.done;
      },
    });
  }

  noun.verb({
    words: "name <id> <name>",
    summary: "give an external system a name for people; an empty one takes it away",
    examples: [['cordon-server external-system name 15301050-0490-4A41-81EA-B0391CF21EF3 "SOAR, data centre 2"']],
    flags: (command) => dataDirFlag(command).option("--fingerprint <sha256>", "SHA-256 of the client certificate, hex"),
    parse: ([id, name], flags) => ({
      flags,
      id: String(id),
      body: { name: String(name), fingerprint: optionalText(flags.fingerprint) },
    }),
    async act({ flags, id, body }, output) {
      const system = await clientOf(flags).post<ExternalSystem>(`${pathOf(id)}/name`, body);
      output.answer(
        system,
        () => `${printable(system.externalSystemId)} is now named ${printable(system.name ?? "-")}`,
      );
      return exitCodes.done;
    },
  });
}

function pathOf(id: string): string {
  return `/external-systems/${encodeURIComponent(id)}`;
}

function layOut(systems: ExternalSystem[], { terminal }: Output): string {
  if (systems.length === 0) return "No external system has knocked yet.";
  const { green, yellow, red } = terminal.stdoutColours;
  const styles = { accepted: green, pending: yellow, rejected: red, withdrawn: red };
  return table(
    ["id", "name", "state", "fingerprint", "subject", "from", "last seen", "certificate until"],
    systems.map((system) => [
      system.externalSystemId,
      system.name,
      { text: system.state, style: styles[system.state] },
      system.fingerprint,
      system.subject.length > 60 ? `${system.subject.slice(0, 60)}…` : system.subject,
      system.address,
      system.lastSeenAt,
      system.expired
        ? { text: `${system.validTo.slice(0, 10)} (expired)`, style: yellow }
        : system.validTo.slice(0, 10),
    ]),
  );
}
