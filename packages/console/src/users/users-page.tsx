import { consoleRoles } from "@cordon/contract/console-api";
import { Button, Menu } from "@mantine/core";
import { IconPlus } from "@tabler/icons-react";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { useChange } from "../api/queries.ts";
import type { Column } from "../list/column.ts";
import { ListView } from "../list/list-view.tsx";
import { useListSearch } from "../list/use-list-search.ts";
import { Mark } from "../parts/mark.tsx";
import { Moment } from "../parts/moment.tsx";
import { PageHeader } from "../parts/page-header.tsx";
import { ProblemNotice } from "../parts/problem-notice.tsx";
import { RowMenu } from "../parts/row-menu.tsx";
import { useMay, useSession } from "../session/session.ts";
import { CreateUserDialog, DisableUserDialog, ResetUserDialog, RoleDialog, type User } from "./user-dialogs.tsx";

const idOf = (user: User) => user.userId;
const nameOf = (user: User) => user.name;

export function UsersPage() {
  const { t } = useTranslation();
  const may = useMay();
  const { userId: ownId } = useSession();
  const [search, setSearch] = useListSearch();
  const [asked, setAsked] = useState<{ about: "role" | "disable" | "reset"; user: User } | "create" | null>(null);
  const enable = useChange("changeUser", { touches: ["listUsers"] });
  const close = () => setAsked(null);
  const columns = useMemo<Column<"listUsers">[]>(
    () => [
      {
        field: "name",
        title: t("users.columns.name"),
        width: 200,
        grow: true,
        cell: (user) => (
          <span title={user.name}>
            {user.name}
            {user.userId === ownId && ` (${t("users.you")})`}
          </span>
        ),
      },
      {
        field: "role",
        title: t("users.columns.role"),
        width: 200,
        cell: ({ role }) => t(`roles.${role}`),
        choices: consoleRoles.map((value) => ({ value, label: t(`roles.${value}`) })),
      },
      {
        field: "state",
        title: t("users.columns.state"),
        width: 130,
        cell: ({ disabledAt }) => (
          <Mark tone={disabledAt === null ? "good" : "quiet"}>
            {disabledAt === null ? t("users.active") : t("users.disabled")}
          </Mark>
        ),
        choices: (["active", "disabled"] as const).map((value) => ({ value, label: t(`users.${value}`) })),
        sortable: false,
      },
      {
        field: "_secondFactor",
        title: t("users.columns.secondFactor"),
        width: 140,
        cell: ({ hasSecondFactor, isExternal }) =>
          isExternal ? t("users.external") : hasSecondFactor ? t("users.yes") : t("users.no"),
      },
      {
        field: "lastSignInAt",
        title: t("users.columns.lastSignInAt"),
        width: 190,
        cell: (user) => <Moment at={user.lastSignInAt} none={t("time.never")} />,
      },
      {
        field: "createdAt",
        title: t("users.columns.createdAt"),
        width: 190,
        cell: (user) => <Moment at={user.createdAt} />,
      },
    ],
    [t, ownId],
  );
  return (
    <>
      <PageHeader title={t("sections.users")}>
        {may("users.change") && (
          <Button size="xs" leftSection={<IconPlus size={15} aria-hidden />} onClick={() => setAsked("create")}>
            {t("users.create")}
          </Button>
        )}
      </PageHeader>
      {enable.error !== null && <ProblemNotice error={enable.error} />}
      <ListView
        list="listUsers"
        label={t("sections.users")}
        columns={columns}
        idOf={idOf}
        nameOf={nameOf}
        searchField="name"
        searchLabel={t("users.search")}
        search={search}
        onSearch={setSearch}
        rowActions={
          may("users.change")
            ? (user) => (
                <RowMenu name={user.name}>
                  {!user.isExternal && (
                    <Menu.Item onClick={() => setAsked({ about: "role", user })}>{t("users.roleAction")}</Menu.Item>
                  )}
                  {!user.isExternal && (
                    <Menu.Item onClick={() => setAsked({ about: "reset", user })}>{t("users.reset")}</Menu.Item>
                  )}
                  {user.disabledAt === null ? (
                    <Menu.Item onClick={() => setAsked({ about: "disable", user })}>{t("users.disable")}</Menu.Item>
                  ) : (
                    <Menu.Item
                      onClick={() =>
                        enable.mutate({
                          args: { params: { userId: user.userId }, body: { disabled: false } },
                          ifMatch: user.version,
                        })
                      }
                    >
                      {t("users.enable")}
                    </Menu.Item>
                  )}
                </RowMenu>
              )
            : undefined
        }
        empty={null}
      />
      {asked === "create" && <CreateUserDialog onClose={close} />}
      {asked !== null && asked !== "create" && asked.about === "role" && (
        <RoleDialog user={asked.user} onClose={close} />
      )}
      {asked !== null && asked !== "create" && asked.about === "disable" && (
        <DisableUserDialog user={asked.user} onClose={close} />
      )}
      {asked !== null && asked !== "create" && asked.about === "reset" && (
        <ResetUserDialog user={asked.user} onClose={close} />
      )}
    </>
  );
}
