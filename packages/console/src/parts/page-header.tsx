import { Group, Title } from "@mantine/core";
import { useEffect } from "react";
import { useTranslation } from "react-i18next";

/** A page's name, which is also the window's, and what can be done on it. */
export function PageHeader({
  title,
  beside,
  children,
}: {
  title: string;
  beside?: React.ReactNode;
  children?: React.ReactNode;
}) {
  const { t } = useTranslation();
  useEffect(() => {
    document.title = `${title} · ${t("product")}`;
  }, [title, t]);
  return (
    <Group justify="space-between" mb="sm" mih={36} wrap="wrap" gap="xs">
      <Group gap="md" miw={0} wrap="wrap">
        <Title order={1} size="h3" style={{ overflowWrap: "anywhere" }}>
          {title}
        </Title>
        {beside}
      </Group>
      <Group gap="xs">{children}</Group>
    </Group>
  );
}
