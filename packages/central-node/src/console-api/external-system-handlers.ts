import type { ExternalSystemService } from "../external-systems/external-system-service.ts";
import type { Handlers } from "./handlers.ts";

export function createExternalSystemHandlers({
  externalSystems,
}: {
  externalSystems: Pick<ExternalSystemService, "page" | "accept" | "reject" | "withdraw" | "name">;
}): Pick<Handlers, "listExternalSystems" | "decideExternalSystem" | "nameExternalSystem"> {
  return {
    listExternalSystems: ({ query }) => externalSystems.page(query),
    decideExternalSystem: ({ params, body, actor }) => externalSystems[body.decision](params, actor),
    nameExternalSystem: ({ params, body, actor }) => externalSystems.name({ ...params, ...body }, actor),
  };
}
