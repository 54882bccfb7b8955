import { Modal, type ModalProps } from "@mantine/core";
import { useTranslation } from "react-i18next";

/** A dialog: shown as long as it is there, named by its title, closed by Escape. */
export function Dialog(props: Omit<ModalProps, "opened" | "closeButtonProps"> & { title: string }) {
  const { t } = useTranslation();
  return <Modal opened closeButtonProps={{ "aria-label": t("actions.close") }} {...props} />;
}
