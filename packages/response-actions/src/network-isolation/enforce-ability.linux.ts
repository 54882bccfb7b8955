/** Whether this host can be isolated: nft and the kernel are asked with rules of every kind, and nothing is changed. */
import type { Ability } from "../kit/enforcer.ts";
import { compileRuleset, tableText } from "./nftables-ruleset.ts";

export async function isolationAbility(nft: {
  check(text: string): Promise<{ succeeded: true } | { succeeded: false; failure: { detail: string } }>;
}): Promise<Ability> {
  if (process.geteuid?.() !== 0) return { able: false, why: "the agent does not run as root" };
  const trial = compileRuleset({
    wish: {
      autoTurnoffTimeoutInSec: 3600,
      // With a direction, so that the kernel's connection tracking is tried too.
      exclusions: [
        { direction: "outbound", protocol: 6, remoteAddress: "192.0.2.1", localPorts: null, remotePorts: null },
      ],
    },
    centralNode: ["192.0.2.1", "2001:db8::1"].map((address) => ({ address, port: 443 })),
  });
  const checked = await nft.check(tableText(trial, { timeout: "1h", confirmed: false, owned: false }));
  return checked.succeeded ? { able: true } : { able: false, why: checked.failure.detail };
}
