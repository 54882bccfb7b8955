import { Problem } from "@cordon/contract";
import type { IsolationOrder } from "@cordon/contract/console-api";
import type { NetworkIsolationWish } from "@cordon/response-actions";
import type { Static } from "typebox";
import type { SettingService } from "../settings/setting-service.ts";
import { inBulk } from "./bulk.ts";
import type { HandlerCall, Handlers } from "./handlers.ts";
import type { IsolationList } from "./isolation-list.ts";

const action = "network-isolation";

export function createIsolationHandlers({
  settings,
  isolationList,
}: {
  settings: Pick<SettingService, "set" | "lift" | "forgetEnded">;
  isolationList: IsolationList;
}): Pick<
  Handlers,
  "listIsolationRules" | "getIsolationRule" | "isolate" | "changeIsolation" | "release" | "deleteIsolationRule"
> {
  async function getRule(sensorId: string) {
    const [reply] = await isolationList.present([sensorId]);
    if (reply === undefined)
      throw new Problem("NOT_FOUND", { message: `there is no isolation rule of host ${sensorId}` });
    return { reply, version: reply.generation };
  }

  return {
    listIsolationRules: ({ query }) => isolationList.list(query),
    getIsolationRule: ({ params }) => getRule(params.sensorId),
    isolate: ({ body, ...call }) =>
      inBulk(body.sensorIds, (target) => settings.set({ ...givenBy(call), target, action }, toWish(body))),
    async changeIsolation({ params, body, ifMatch, ...call }) {
      await getRule(params.sensorId);
      const change = { ...givenBy(call), target: params.sensorId, action };
      await settings.set(change, toWish(body), { ifGeneration: ifMatch });
      return getRule(params.sensorId);
    },
    release: ({ body, ...call }) =>
      inBulk(body.sensorIds, (target) => settings.lift({ ...givenBy(call), target, action })),
    async deleteIsolationRule({ params, ...call }) {
      await settings.forgetEnded({ ...givenBy(call), target: params.sensorId, action });
      return {};
    },
  };
}

/** Who ordered, and the digest of what was sent, for the audit log. */
export function givenBy({ actor, requestDigest }: Pick<HandlerCall<"isolate">, "actor" | "requestDigest">) {
  return { actor, ...(requestDigest === undefined ? {} : { requestDigest }) };
}

function toWish({ hours, exclusions }: Static<typeof IsolationOrder>): NetworkIsolationWish {
  return { autoTurnoffTimeoutInSec: hours * 3600, exclusions };
}
