import type { ConsoleReply, ConsoleRouteName } from "@cordon/contract/console-api";
import { QueryClient, queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { useRef } from "react";
import { isApiProblem } from "./api-problem.ts";
import { type CallArguments, type CallOptions, call } from "./call.ts";
import { topicsOf } from "./topics.ts";

export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      // Events say when something is old; what stays unsaid (a thing that ends by time) is asked for on coming back.
      staleTime: 30_000,
      // A refusal is an answer. Only a Central Node that was not reached, or is not ready, is asked again.
      retry: (count, error) => isApiProblem(error) && (error.status === 0 || error.status === 503) && count < 2,
    },
  },
});

/** A call of the table as a query; its key is what events are held against. */
export function callQuery<N extends ConsoleRouteName>(name: N, args: CallArguments<N>) {
  return queryOptions<ConsoleReply<N>>({
    queryKey: [name, args],
    queryFn: ({ signal }) => call(name, args, { signal }),
  });
}

/** Has everything that is shown of these calls, and of calls about the same things, asked for again. */
async function refreshAfter(client: QueryClient, names: readonly ConsoleRouteName[]): Promise<void> {
  const topics = new Set(names.flatMap((name) => topicsOf[name] ?? []));
  await client.invalidateQueries({
    predicate: ({ queryKey }) => {
      const name = queryKey[0] as ConsoleRouteName;
      return names.includes(name) || (topicsOf[name]?.some((topic) => topics.has(topic)) ?? false);
    },
  });
}

/**
 * Something that a person orders or changes. An order carries a key: sent again after a lost answer, it is not given
 * twice. `touches`: the calls whose answers are old after it.
 */
export function useChange<N extends ConsoleRouteName>(
  name: N,
  { touches, onDone }: { touches: readonly ConsoleRouteName[]; onDone?: (reply: ConsoleReply<N>) => void },
) {
  const client = useQueryClient();
  const lastOrder = useRef<{ text: string; key: string } | null>(null);
  return useMutation({
    mutationFn: ({ args, ifMatch }: { args: CallArguments<N> } & Pick<CallOptions, "ifMatch">) => {
      const text = JSON.stringify([args, ifMatch]);
      if (lastOrder.current?.text !== text) lastOrder.current = { text, key: newKey() };
      return call(name, args, { idempotencyKey: lastOrder.current.key, ...(ifMatch === undefined ? {} : { ifMatch }) });
    },
    onSuccess: (reply) => {
      lastOrder.current = null;
      void refreshAfter(client, touches);
      onDone?.(reply);
    },
    onError: (error) => {
      // A refusal is final: the next try is another order. Only what went unanswered may have been done.
      if (isApiProblem(error) && error.status !== 0 && error.status < 500) lastOrder.current = null;
    },
  });
}

/** A UUID; `crypto.randomUUID` is there only on https and localhost, which is where a console is. */
function newKey(): string {
  return crypto.randomUUID();
}
