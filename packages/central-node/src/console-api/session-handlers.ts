import { Problem } from "@cordon/contract";
import type { ConsoleReply } from "@cordon/contract/console-api";
import type { AccountService } from "../users/account-service.ts";
import type { IdentityProvider } from "../users/identity-provider.ts";
import type { OpenedSession, SessionService, SessionState } from "../users/session-service.ts";
import type { SetupService } from "../users/setup-service.ts";
import type { SignInService } from "../users/sign-in-service.ts";
import type { UserService } from "../users/user-service.ts";
import type { Browser } from "./browser.ts";
import type { HandlerCall, Handlers } from "./handlers.ts";

/** Signing in and out, and one's own account. */
export function createSessionHandlers(needs: {
  signIn: Pick<SignInService, "signIn">;
  setup: Pick<SetupService, "setUp">;
  sessions: Pick<SessionService, "find" | "list" | "end">;
  account: AccountService;
  users: Pick<UserService, "hasAdministrator">;
  identityProvider: Pick<IdentityProvider, "label"> | null;
}): Pick<
  Handlers,
  | "signInMethods"
  | "setUp"
  | "signIn"
  | "getSession"
  | "signOut"
  | "listSessions"
  | "endSession"
  | "changePassword"
  | "offerSecondFactor"
  | "confirmSecondFactor"
  | "removeSecondFactor"
> {
  const { signIn, setup, sessions, account, users, identityProvider } = needs;

  return {
    async signInMethods({ browser }) {
      return {
        signedIn: browser.secret !== null && (await sessions.find(browser.secret)) !== null,
        setupNeeded: !(await users.hasAdministrator()),
        password: true,
        oidc: identityProvider === null ? null : { label: identityProvider.label },
      };
    },
    async setUp({ body, browser }) {
      return keep(browser, await setup.setUp(body, browser));
    },
    async signIn({ body, browser }) {
      return keep(browser, await signIn.signIn(body, browser));
    },

    async getSession({ browser }) {
      const state = browser.secret === null ? null : await sessions.find(browser.secret);
      if (state === null) throw new Problem("UNAUTHORIZED", { message: "the session has ended: sign in" });
      return present(state);
    },
    async signOut({ session, actor, browser }) {
      await sessions.end({ sessionId: session.id, userId: session.userId }, actor);
      browser.forget();
      return {};
    },
    async listSessions({ session }) {
      const rows = await sessions.list(session.userId);
      const items = rows.map((row) => ({
        sessionId: row.session_id,
        createdAt: row.created_at,
        lastSeenAt: row.last_seen_at,
        address: row.address,
        userAgent: row.user_agent,
        current: row.session_id === session.id,
      }));
      return { items, nextCursor: null, total: items.length };
    },
    async endSession({ params, session, actor }) {
      await sessions.end({ sessionId: params.sessionId, userId: session.userId }, actor);
      return {};
    },

    async changePassword(call) {
      await account.changePassword(own(call), call.body);
      return {};
    },
    offerSecondFactor: (call) => account.offerSecondFactor(own(call)),
    async confirmSecondFactor(call) {
      await account.confirmSecondFactor(own(call), call.body.code);
      return {};
    },
    async removeSecondFactor(call) {
      await account.removeSecondFactor(own(call), call.body.password);
      return {};
    },
  };
}

function own({ session, actor }: Pick<HandlerCall<"changePassword">, "session" | "actor">) {
  return { userId: session.userId, sessionId: session.id, actor };
}

function keep(browser: Browser, opened: OpenedSession): ConsoleReply<"signIn"> {
  browser.keep(opened);
  return present(opened.state);
}

function present({ sessionId: _, ...state }: SessionState): ConsoleReply<"signIn"> {
  return state;
}
