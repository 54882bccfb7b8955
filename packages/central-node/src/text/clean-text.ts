/**
 * Text from hosts and external systems is hostile: without control characters (PostgreSQL refuses NUL, terminals obey the
 * rest) and bounded. Never markup wherever it is shown.
 */
export function cleanText(text: string, maxLength: number): string {
  return text.replaceAll(/[\p{Cc}\p{Cs}]/gu, "\uFFFD").slice(0, maxLength);
}
