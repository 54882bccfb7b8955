import { Alert, Button, Group, Text } from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { isApiProblem } from "../api/api-problem.ts";

const explained = [
  "UNREACHABLE",
  "UNAUTHORIZED",
  "FORBIDDEN",
  "NOT_FOUND",
  "CONFLICT",
  "PRECONDITION_FAILED",
  "RULE_CONFLICT",
  "TOO_MANY_REQUESTS",
  "UNAVAILABLE",
  "INTERNAL",
] as const;
type Explained = (typeof explained)[number];

/** What to do about a problem, or null where its own sentence says all. */
function adviceFor(code: string): Explained | null {
  return explained.find((each) => each === code) ?? null;
}

/** What happened, and what to do about it. */
export function ProblemNotice({ error, title, onRetry }: { error: unknown; title?: string; onRetry?: () => void }) {
  const { t } = useTranslation();
  const problem = isApiProblem(error) ? error : null;
  const advice = problem === null ? null : adviceFor(problem.code);
  const message = error instanceof Error ? error.message : String(error);
  return (
    <Alert color="red" variant="light" icon={<IconAlertTriangle />} title={title ?? t("problems.failed")} role="alert">
      <Text size="sm">{message.charAt(0).toUpperCase() + message.slice(1)}</Text>
      {advice !== null && <Text size="sm">{t(`problems.${advice}`)}</Text>}
      {problem?.requestId && (
        <Text size="xs" mt={4}>
          {t("problems.request", { id: problem.requestId })}
        </Text>
      )}
      {onRetry !== undefined && (
        <Group mt="xs">
          <Button size="xs" variant="default" onClick={onRetry}>
            {t("actions.retry")}
          </Button>
        </Group>
      )}
    </Alert>
  );
}
