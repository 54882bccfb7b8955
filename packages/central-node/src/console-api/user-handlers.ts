import { Problem } from "@cordon/contract";
import type { UserService } from "../users/user-service.ts";
import type { Handlers } from "./handlers.ts";

export function createUserHandlers({
  users,
}: {
  users: Pick<UserService, "page" | "get" | "add" | "change" | "reset">;
}): Pick<Handlers, "listUsers" | "getUser" | "createUser" | "changeUser" | "resetUser"> {
  return {
    listUsers: ({ query }) => users.page(query),
    async getUser({ params }) {
      const user = await users.get(params.userId);
      return { reply: user, version: user.version };
    },
    createUser: ({ body, actor }) => users.add(body, actor),
    async changeUser({ params, body, ifMatch, actor }) {
      if (body.role === undefined && body.disabled === undefined) {
        throw new Problem("BAD_REQUEST", { message: "name what to change: role, disabled or both" });
      }
      const user = await users.change(params.userId, body, ifMatch, actor);
      return { reply: user, version: user.version };
    },
    async resetUser({ params, actor }) {
      return { password: await users.reset(params.userId, actor) };
    },
  };
}
