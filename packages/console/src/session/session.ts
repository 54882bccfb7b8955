import { type ConsolePermission, type ConsoleReply, isPermitted } from "@cordon/contract/console-api";
import { queryOptions, useQueryClient, useSuspenseQuery } from "@tanstack/react-query";
import { useCallback } from "react";
import { isApiProblem } from "../api/api-problem.ts";
import { call, rememberCsrfToken } from "../api/call.ts";

export type Session = ConsoleReply<"getSession">;

/** Who is signed in; null: nobody. */
export const sessionQuery = queryOptions<Session | null>({
  queryKey: ["session"],
  queryFn: async ({ signal }) => {
    // Asked first: a refusal would stand in the browser's console as an error, and nothing is wrong.
    const { signedIn } = await call("signInMethods", {}, { signal });
    const session = signedIn ? await call("getSession", {}, { signal }).catch(nobody) : null;
    rememberCsrfToken(session);
    return session;
  },
  staleTime: Number.POSITIVE_INFINITY,
});

/** It may have ended in between. */
function nobody(error: unknown): null {
  if (isApiProblem(error) && error.status === 401) return null;
  throw error;
}

/** Below the gate, which shows the sign-in page in place of everything while nobody is signed in. */
export function useSession(): Session {
  const { data } = useSuspenseQuery(sessionQuery);
  if (data === null) throw new Error("a page asks who is signed in, and nobody is");
  return data;
}

/** Whether the one who is signed in may do something. The Central Node decides; this only spares a person a refusal. */
export function useMay(): (permission: ConsolePermission) => boolean {
  const { role } = useSession();
  return (permission) => isPermitted(role, permission);
}

export function useSetSession(): (session: Session | null) => void {
  const client = useQueryClient();
  return useCallback(
    (session) => {
      rememberCsrfToken(session);
      client.setQueryData(sessionQuery.queryKey, session);
      // What the one before was shown is not for the next.
      client.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== "session" });
    },
    [client],
  );
}
