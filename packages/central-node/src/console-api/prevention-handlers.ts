import type { PreventionRule, PreventionRuleService } from "../settings/prevention-rule-service.ts";
import type { Handlers } from "./handlers.ts";
import { givenBy } from "./isolation-handlers.ts";
import { createPreventionImport } from "./prevention-import.ts";
import type { PreventionList } from "./prevention-list.ts";

export function createPreventionHandlers({
  rules,
  preventionList,
}: {
  rules: PreventionRuleService;
  preventionList: PreventionList;
}): Pick<
  Handlers,
  | "listPreventionRules"
  | "getPreventionRule"
  | "createPreventionRule"
  | "changePreventionRule"
  | "deletePreventionRules"
  | "previewImport"
  | "importPreventionRules"
> {
  const lists = createPreventionImport({ rules });

  async function present(rule: PreventionRule) {
    const [reply] = await preventionList.present([rule]);
    if (reply === undefined) throw new Error("one rule in, none out");
    return { reply, version: rule.version };
  }

  return {
    listPreventionRules: ({ query }) => preventionList.list(query),
    getPreventionRule: async ({ params }) => present(await rules.get(params.ruleId)),
    createPreventionRule: async ({ body, ...call }) => (await present(await rules.create(givenBy(call), body))).reply,
    changePreventionRule: async ({ params, body, ifMatch, ...call }) =>
      present(await rules.change(givenBy(call), params.ruleId, body, ifMatch)),
    async deletePreventionRules({ body, ...call }) {
      const asked = [...new Set(body.ruleIds.map((ruleId) => ruleId.toLowerCase()))];
      const deleted = new Set(await rules.delete(givenBy(call), asked));
      const missing = asked.filter((ruleId) => !deleted.has(ruleId));
      const message = "there is no such rule any more";
      return { done: deleted.size, failed: missing.map((id) => ({ id, code: "NOT_FOUND", message })) };
    },
    previewImport: ({ body }) => lists.preview(body.text, body.scope),
    importPreventionRules: ({ body, ...call }) => lists.import(givenBy(call), body.text, body.scope),
  };
}
