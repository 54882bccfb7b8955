import "uplot/dist/uPlot.min.css";
import type { ConsoleReply } from "@cordon/contract/console-api";
import { useComputedColorScheme } from "@mantine/core";
import { useEffect, useRef } from "react";
import uPlot from "uplot";
import classes from "./hours-chart.module.css";

type Hours = ConsoleReply<"overview">["hours"];
type Names = { orders: string; effects: string; failures: string };

const height = 160;
const palettes = {
  light: { text: "#59626c", grid: "#e8ecef", orders: "#8fb8c4", effects: "#0b6a80", failures: "#c4262e" },
  dark: { text: "#a3adb8", grid: "#27313b", orders: "#4d7482", effects: "#6fc3d6", failures: "#ff7b7b" },
};

/** Three bars an hour, side by side: nothing is hidden behind another. */
export function HoursChart({ hours, names, language }: { hours: Hours; names: Names; language: string }) {
  const holder = useRef<HTMLDivElement>(null);
  const scheme = useComputedColorScheme();
  useEffect(() => {
    const element = holder.current;
    if (element === null) return;
    const plot = new uPlot(optionsFor(element.clientWidth, names, palettes[scheme], language), dataOf(hours), element);
    const watcher = new ResizeObserver(() => plot.setSize({ width: element.clientWidth, height }));
    watcher.observe(element);
    return () => {
      watcher.disconnect();
      plot.destroy();
    };
  }, [hours, names, scheme, language]);
  return <div ref={holder} className={classes.chart} />;
}

function dataOf(hours: Hours): uPlot.AlignedData {
  return [
    hours.map(({ at }) => Date.parse(at) / 1000),
    hours.map(({ orders }) => orders),
    hours.map(({ effects }) => effects),
    hours.map(({ failures }) => failures),
  ];
}

function optionsFor(width: number, names: Names, colours: (typeof palettes)["light"], language: string): uPlot.Options {
  const hourText = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  const series = (name: keyof Names, index: number): uPlot.Series => ({
    label: names[name],
    stroke: colours[name],
    fill: colours[name],
    paths: barPaths(index),
    points: { show: false },
    // Nothing, where uPlot would show dashes: no hour is pointed at.
    value: (_, value) => (value === null ? "" : String(value)),
  });
  const axis = { stroke: colours.text, grid: { stroke: colours.grid, width: 1 }, ticks: { show: false } };
  return {
    width,
    height,
    cursor: { y: false, drag: { x: false, y: false } },
    legend: { live: true },
    scales: {
      x: { range: (_, min, max) => [min - 1800, max + 1800] },
      y: { range: (_, _min, max) => [0, Math.max(4, max)] },
    },
    axes: [
      { ...axis, size: 30, grid: { show: false }, values: (_, ticks) => ticks.map((at) => hourText.format(at * 1000)) },
      { ...axis, size: 36, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 5000, 10_000] },
    ],
    series: [
      { value: (_, at) => (at === null ? "" : hourText.format(at * 1000)), label: "" },
      series("orders", 0),
      series("effects", 1),
      series("failures", 2),
    ],
  };
}

/** A third of its hour's width, moved to its own third. */
function barPaths(index: number): uPlot.Series.PathBuilder {
  return (plot, seriesIndex, from, to) => {
    const path = new Path2D();
    const xs = plot.data[0];
    const ys = plot.data[seriesIndex] ?? [];
    const hourWidth = plot.valToPos(3600, "x", true) - plot.valToPos(0, "x", true);
    const barWidth = Math.max(2, Math.floor(hourWidth * 0.22));
    const ground = plot.valToPos(0, "y", true);
    for (let at = from; at <= to; at++) {
      const value = ys[at] ?? 0;
      if (value === 0) continue;
      const x = plot.valToPos(xs[at] ?? 0, "x", true) + (index - 1.5) * (barWidth + 1);
      const y = plot.valToPos(value, "y", true);
      path.rect(Math.round(x), y, barWidth, ground - y);
    }
    return { fill: path };
  };
}
