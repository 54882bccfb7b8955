import type { ConsolePermission } from "@cordon/contract/console-api";
import { AppShell, Box, Burger, Group, NavLink, ScrollArea, Text } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import {
  IconBan,
  IconDeviceDesktop,
  IconGauge,
  IconHistory,
  IconNetworkOff,
  IconPlugConnected,
  IconSettings,
  IconTerminal2,
  IconUsers,
} from "@tabler/icons-react";
import { Link, useRouterState } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { useMay } from "../session/session.ts";
import { AccountMenu } from "./account-menu.tsx";
import classes from "./frame.module.css";
import { LinkMark } from "./link-mark.tsx";
import { useLive } from "./use-live.ts";

const sections = [
  { to: "/", name: "overview", icon: IconGauge, permission: "hosts.see", group: "respond" },
  { to: "/hosts", name: "hosts", icon: IconDeviceDesktop, permission: "hosts.see", group: "respond" },
  { to: "/isolation", name: "isolation", icon: IconNetworkOff, permission: "rules.see", group: "respond" },
  { to: "/prevention", name: "prevention", icon: IconBan, permission: "rules.see", group: "respond" },
  { to: "/tasks", name: "tasks", icon: IconTerminal2, permission: "tasks.see", group: "respond" },
  {
    to: "/external-systems",
    name: "externalSystems",
    icon: IconPlugConnected,
    permission: "external-systems.see",
    group: "administer",
  },
  { to: "/users", name: "users", icon: IconUsers, permission: "users.see", group: "administer" },
  { to: "/audit", name: "audit", icon: IconHistory, permission: "audit.see", group: "administer" },
  { to: "/settings", name: "settings", icon: IconSettings, permission: "settings.see", group: "administer" },
] as const satisfies { permission: ConsolePermission; [member: string]: unknown }[];

/** The sections that one may see, who is signed in, and whether what is shown is live. */
export function Frame({ children }: { children: React.ReactNode }) {
  const { t } = useTranslation();
  const link = useLive();
  const [opened, { toggle, close }] = useDisclosure();
  return (
    <AppShell
      header={{ height: 48 }}
      navbar={{ width: 208, breakpoint: "sm", collapsed: { mobile: !opened } }}
      padding="md"
    >
      <AppShell.Header className={classes.header}>
        <a href="#content" className={classes.skip}>
          {t("frame.skip")}
        </a>
        <Group h="100%" px="md" justify="space-between" wrap="nowrap">
          <Group gap="sm" wrap="nowrap">
            <Burger opened={opened} onClick={toggle} hiddenFrom="sm" size="sm" aria-label={t("frame.openMenu")} />
            <Link to="/" className={classes.brand}>
              <img src="/cordon.svg" width={24} height={24} alt="" />
              <Text fw={700} size="md">
                {t("product")}
              </Text>
            </Link>
          </Group>
          <Group gap="md" wrap="nowrap">
            <LinkMark state={link} />
            <AccountMenu />
          </Group>
        </Group>
      </AppShell.Header>
      <AppShell.Navbar className={classes.navbar} aria-label={t("frame.sections")}>
        <ScrollArea type="auto" p="xs">
          <SectionLinks group="respond" onFollow={close} />
          <SectionLinks group="administer" onFollow={close} />
        </ScrollArea>
      </AppShell.Navbar>
      <AppShell.Main id="content" tabIndex={-1} className={classes.main}>
        <Box maw={1680}>{children}</Box>
      </AppShell.Main>
    </AppShell>
  );
}

function SectionLinks({ group, onFollow }: { group: "respond" | "administer"; onFollow: () => void }) {
  const { t } = useTranslation();
  const may = useMay();
  const path = useRouterState({ select: ({ location }) => location.pathname });
  const seen = sections.filter((section) => section.group === group && may(section.permission));
  if (seen.length === 0) return null;
  return (
    <>
      <Text className={classes.group}>{t(`frame.groups.${group}`)}</Text>
      {seen.map(({ to, name, icon: Icon }) => {
        const active = to === "/" ? path === "/" : path === to || path.startsWith(`${to}/`);
        return (
          <NavLink
            key={to}
            component={Link}
            to={to}
            label={t(`sections.${name}`)}
            leftSection={<Icon size={17} stroke={1.7} aria-hidden />}
            active={active}
            aria-current={active ? "page" : undefined}
            onClick={onFollow}
            className={classes.section}
          />
        );
      })}
    </>
  );
}
