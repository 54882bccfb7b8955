/** Break-glass: opens the network again, whoever isolated the host and whether or not an agent lives. Needs root rights. */
import type { Effect } from "../kit/enforcer.ts";
import { endRecordedHolder } from "./holder-record.ts";
import type { NetworkIsolationFailure } from "./network-isolation.ts";
import { createNft, type NftOptions, readBackDiffers } from "./nft.ts";
import { liftFramesText } from "./raw-frames.ts";
import { removeSavedIsolation } from "./saved-isolation.ts";

export async function releaseIsolation(options: NftOptions = {}): Promise<Effect<NetworkIsolationFailure>> {
  const { directory } = options;
  if (directory !== undefined) {
    // First of all: no boot isolates anew, wherever this ends.
    removeSavedIsolation(directory);
    // The twin of an agent that hangs goes with the nft that owns it; nobody else may delete it.
    await endRecordedHolder(directory);
  }
  const { directory: _, ...ownDirectory } = options;
  const nft = createNft(ownDirectory);
  try {
    await nft.load(liftFramesText);
    const lifted = await nft.lift();
    if (!lifted.succeeded) return lifted.failure;
    return lifted.table === null ? { state: "lifted" } : readBackDiffers("the rules stand in the kernel again");
  } finally {
    await nft.close();
  }
}
