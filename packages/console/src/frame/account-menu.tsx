import {
  Avatar,
  Button,
  Divider,
  Popover,
  SegmentedControl,
  Stack,
  Text,
  UnstyledButton,
  useMantineColorScheme,
} from "@mantine/core";
import { IconApi, IconLogout, IconUser } from "@tabler/icons-react";
import { useMutation } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { call } from "../api/call.ts";
import { useSession, useSetSession } from "../session/session.ts";
import { LanguageMenu } from "./language-menu.tsx";

/** Who is signed in; behind it the account, how the page looks, and the way out. */
export function AccountMenu() {
  const { t } = useTranslation();
  const { name, role } = useSession();
  const setSession = useSetSession();
  const [opened, setOpened] = useState(false);
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  // Signed out here even if it was not heard there: what is on the screen must go.
  const signOut = useMutation({ mutationFn: () => call("signOut", {}), onSettled: () => setSession(null) });
  const schemes = (["light", "dark", "auto"] as const).map((value) => ({
    value,
    label: t(`frame.lightOrDark.${value}`),
  }));
  const item = { variant: "subtle", color: "gray", justify: "flex-start", size: "compact-md" } as const;
  return (
    <Popover opened={opened} onChange={setOpened} position="bottom-end" width={270} trapFocus returnFocus>
      <Popover.Target>
        <UnstyledButton
          title={t("frame.signedInAs", { name, role: t(`roles.${role}`) })}
          onClick={() => setOpened(!opened)}
          style={{ display: "flex", alignItems: "center", gap: 8, minWidth: 0 }}
        >
          <Avatar size={28} radius="xl" color="cordon" aria-hidden>
            {name.slice(0, 2).toUpperCase()}
          </Avatar>
          <span style={{ lineHeight: 1.2, minWidth: 0 }}>
            <Text size="sm" fw={600} truncate maw={160}>
              {name}
            </Text>
            <Text size="xs" c="dimmed" truncate maw={180}>
              {t(`roles.${role}`)}
            </Text>
          </span>
        </UnstyledButton>
      </Popover.Target>
      <Popover.Dropdown p="xs">
        <Stack gap={4}>
          <Button
            {...item}
            component={Link}
            to="/account"
            onClick={() => setOpened(false)}
            leftSection={<IconUser size={16} aria-hidden />}
          >
            {t("sections.account")}
          </Button>
          <Button
            {...item}
            component="a"
            href="/docs/"
            target="_blank"
            rel="noreferrer"
            leftSection={<IconApi size={16} aria-hidden />}
          >
            {t("frame.api")}
          </Button>
          <Divider my={4} />
          <Text size="xs" c="dimmed" px={8}>
            {t("frame.appearance")}
          </Text>
          <SegmentedControl
            aria-label={t("frame.appearance")}
            fullWidth
            size="xs"
            data={schemes}
            value={colorScheme}
            onChange={(scheme) => setColorScheme(scheme as "light" | "dark" | "auto")}
          />
          <Text size="xs" c="dimmed" px={8} mt={4}>
            {t("frame.language")}
          </Text>
          <LanguageMenu />
          <Divider my={4} />
          <Button {...item} onClick={() => signOut.mutate()} leftSection={<IconLogout size={16} aria-hidden />}>
            {t("frame.signOut")}
          </Button>
        </Stack>
      </Popover.Dropdown>
    </Popover>
  );
}
