import { Group, Paper, Text, Title } from "@mantine/core";

/** A part of a page under a name of its own. */
export function Section({
  title,
  why,
  beside,
  children,
}: {
  title: string;
  why?: string;
  beside?: React.ReactNode;
  children: React.ReactNode;
}) {
  return (
    <Paper withBorder p="md" bg="var(--cordon-surface)" component="section" aria-label={title}>
      <Group justify="space-between" align="flex-start" mb="sm" gap="xs">
        <div>
          <Title order={2} size="h4">
            {title}
          </Title>
          {why !== undefined && (
            <Text size="sm" c="dimmed" maw={640}>
              {why}
            </Text>
          )}
        </div>
        {beside}
      </Group>
      {children}
    </Paper>
  );
}
