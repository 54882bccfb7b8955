import { Stack, Text } from "@mantine/core";

/** Nothing is there: why, and what to do about it. */
export function EmptyNotice({
  icon,
  title,
  why,
  children,
}: {
  icon?: React.ReactNode;
  title: string;
  why?: string;
  children?: React.ReactNode;
}) {
  return (
    <Stack align="center" gap={6} py={48} px="md">
      {icon !== undefined && <Text c="dimmed">{icon}</Text>}
      <Text fw={600}>{title}</Text>
      {why !== undefined && (
        <Text size="sm" c="dimmed" maw={460} ta="center">
          {why}
        </Text>
      )}
      {children}
    </Stack>
  );
}
