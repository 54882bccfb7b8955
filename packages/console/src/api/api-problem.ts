/** A refusal of the console API (problem+json), or the reason why there is no answer at all. */
export type ApiProblem = Error & {
  isApiProblem: true;
  /** HTTP status; 0: the Central Node was not reached. */
  status: number;
  /** Of the table of problems in `@cordon/contract`, `UNREACHABLE`, or `UNKNOWN` for an answer that is not one of ours. */
  code: string;
  requestId: string | null;
};

export function createApiProblem(problem: {
  status: number;
  code: string;
  message: string;
  requestId?: string | null;
}): ApiProblem {
  const { status, code, message, requestId = null } = problem;
  return Object.assign(new Error(message), { isApiProblem: true as const, status, code, requestId });
}

export function isApiProblem(error: unknown): error is ApiProblem {
  return error instanceof Error && (error as Partial<ApiProblem>).isApiProblem === true;
}

/** What an answer that is no success says about itself; whatever stands in between may have answered in its own way. */
export function readApiProblem(status: number, body: unknown): ApiProblem {
  const members = typeof body === "object" && body !== null ? (body as Record<string, unknown>) : {};
  const text = (name: string) => (typeof members[name] === "string" ? (members[name] as string) : null);
  return createApiProblem({
    status,
    code: text("code") ?? "UNKNOWN",
    message: text("detail") ?? text("title") ?? `HTTP ${status}`,
    requestId: text("requestId"),
  });
}
