import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { type LinkState, listenToEvents } from "../api/live-events.ts";
import { useSetSession } from "../session/session.ts";

/** Keeps everything that is shown up to date as long as somebody is signed in. */
export function useLive(): LinkState {
  const client = useQueryClient();
  const setSession = useSetSession();
  const [state, setState] = useState<LinkState>("connecting");
  useEffect(
    () =>
      listenToEvents({
        onState: setState,
        onSessionEnded: () => setSession(null),
        // Cancelled: an answer that was on its way may be from before the change.
        refresh: (isOld) => void client.invalidateQueries({ predicate: ({ queryKey }) => isOld(queryKey) }),
      }),
    [client, setSession],
  );
  return state;
}
