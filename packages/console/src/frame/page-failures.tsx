import { Button } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { EmptyNotice } from "../parts/empty-notice.tsx";

export function PageMissing() {
  const { t } = useTranslation();
  return (
    <EmptyNotice title={t("problems.pageMissing")} why={t("problems.pageMissingWhy")}>
      <Link to="/">{t("problems.toOverview")}</Link>
    </EmptyNotice>
  );
}

/** A fault of the page itself, or a part of it that could not be loaded: an update may have replaced it. */
export function PageBroke() {
  const { t } = useTranslation();
  return (
    <EmptyNotice title={t("problems.pageBroke")} why={t("problems.pageBrokeWhy")}>
      <Button mt="xs" onClick={() => location.reload()}>
        {t("problems.reload")}
      </Button>
    </EmptyNotice>
  );
}
