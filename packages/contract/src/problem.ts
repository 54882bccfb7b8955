/**
 * Every refusal at the door: code → status, title. Codes are permanent, wording is not.
 * Services throw `new Problem(code, details)` and never mention HTTP; each surface has one mapper to its own wire shape.
 */
const problems = {
  BAD_REQUEST: { status: 400, title: "Bad Request" },
  RULE_CONFLICT: { status: 400, title: "Prevention rule already exists" },
  UNAUTHORIZED: { status: 401, title: "Unauthorized" },
  /** The password is right, and a code of the second factor is needed with it. */
  SECOND_FACTOR_NEEDED: { status: 401, title: "Second factor needed" },
  FORBIDDEN: { status: 403, title: "Forbidden" },
  /** Signed in with a one-time password: nothing else is possible before a new one is set. */
  PASSWORD_CHANGE_NEEDED: { status: 403, title: "Password change needed" },
  NOT_FOUND: { status: 404, title: "Not Found" },
  CONFLICT: { status: 409, title: "Conflict" },
  /** It was changed by somebody else since it was read. */
  PRECONDITION_FAILED: { status: 412, title: "Precondition Failed" },
  BODY_TOO_LARGE: { status: 413, title: "Payload Too Large" },
  UNSUPPORTED_MEDIA_TYPE: { status: 415, title: "Unsupported Media Type" },
  PRECONDITION_REQUIRED: { status: 428, title: "Precondition Required" },
  /** Details: `retryAfterSec`. */
  TOO_MANY_REQUESTS: { status: 429, title: "Too Many Requests" },
  TOO_MANY_PENDING: { status: 429, title: "Too Many Requests" },
  INTERNAL: { status: 500, title: "Internal Server Error" },
  UNAVAILABLE: { status: 503, title: "Service Unavailable" },
} as const;

export type ProblemCode = keyof typeof problems;

export type ProblemDetails = {
  /** What was wrong and what to do, for a person. */
  message?: string;
  /** Further members for the surface that knows them, such as the file of a rule conflict. */
  [member: string]: unknown;
};

export class Problem extends Error {
  readonly code: ProblemCode;
  readonly details: ProblemDetails;

  constructor(code: ProblemCode, details: ProblemDetails = {}) {
    super(details.message ?? problems[code].title);
    this.name = "Problem";
    this.code = code;
    this.details = details;
  }

  get status(): number {
    return problems[this.code].status;
  }

  get title(): string {
    return problems[this.code].title;
  }
}
