import { MultiSelect } from "@mantine/core";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { formatFilter } from "../api/list-search.ts";
import { callQuery } from "../api/queries.ts";
import { selectionLimit } from "../list/selection.ts";
import type { NamedHost } from "./named-host.ts";

const offered = 30;

/** Hosts by name, found by the Central Node as one types. */
export function HostPicker({
  picked,
  onChange,
  label,
  error,
}: {
  picked: readonly NamedHost[];
  onChange: (hosts: NamedHost[]) => void;
  label: string;
  error?: string | null;
}) {
  const { t } = useTranslation();
  const [text, setText] = useState("");
  const { data } = useQuery({
    ...callQuery("listHosts", {
      query: {
        limit: offered,
        sort: "hostName",
        ...(text === "" ? {} : { filter: [formatFilter({ field: "hostName", operator: "contains", value: text })] }),
      },
    }),
    placeholderData: keepPreviousData,
  });
  const known = new Map<string, NamedHost>([...(data?.items ?? []), ...picked].map((host) => [host.sensorId, host]));
  return (
    <MultiSelect
      label={label}
      placeholder={picked.length === 0 ? t("hosts.search") : ""}
      data={[...known.values()].map(({ sensorId, hostName }) => ({ value: sensorId, label: hostName }))}
      value={picked.map(({ sensorId }) => sensorId)}
      onChange={(ids) => onChange(ids.map((id) => known.get(id)).filter((host) => host !== undefined))}
      searchable
      searchValue={text}
      onSearchChange={setText}
      // The Central Node has found them.
      filter={({ options }) => options}
      maxValues={selectionLimit}
      hidePickedOptions
      error={error ?? null}
      nothingFoundMessage={t("list.nothingFits")}
    />
  );
}
