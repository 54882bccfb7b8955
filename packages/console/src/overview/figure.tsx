import { Paper, Text } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { Mark, type MarkTone } from "../parts/mark.tsx";
import classes from "./figure.module.css";

type Place = "/hosts" | "/isolation" | "/prevention" | "/tasks" | "/external-systems";

/** A number that leads to the list behind it, and what it is made of. */
export function Figure({
  name,
  value,
  tone,
  to,
  filter,
  parts = [],
  note,
}: {
  name: string;
  value: number;
  tone?: MarkTone | undefined;
  to: Place;
  filter?: string[];
  parts?: { tone: MarkTone; text: string; value: number; filter: string[] }[];
  note?: React.ReactNode;
}) {
  return (
    <Paper withBorder className={classes.figure}>
      <Link to={to} search={filter === undefined ? {} : { filter }} className={classes.whole}>
        <Text className={classes.name}>{name}</Text>
        <Text className={classes.value} data-tone={tone}>
          {value.toLocaleString()}
        </Text>
      </Link>
      {note !== undefined && <Text className={classes.note}>{note}</Text>}
      {parts
        .filter((part) => part.value > 0)
        .map((part) => (
          <Link key={part.text} to={to} search={{ filter: part.filter }} className={classes.part}>
            <Mark tone={part.tone}>{part.text}</Mark>
            <span>{part.value.toLocaleString()}</span>
          </Link>
        ))}
    </Paper>
  );
}
