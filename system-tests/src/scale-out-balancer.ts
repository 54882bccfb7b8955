/** haproxy in front of several Central Nodes, as the distribution ships it: TCP through, health asked at the metrics port. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { until } from "./namespaces.ts";
import { type CentralNodeProcess, createFolder, type Owner } from "./programs.ts";

type Behind = Pick<CentralNodeProcess, "api" | "console" | "metrics">;

/** `api` and `console` are the URLs of all nodes together; `up` the indexes of those that haproxy sends to. */
export async function startBalancer(owner: Owner, nodes: Behind[]) {
  const folder = createFolder(owner, "haproxy");
  const config = join(folder, "haproxy.cfg");
  const [api, console_, stats] = await freePorts(3);
  writeFileSync(config, configOf(nodes, { api, console: console_, stats }));
  const child = spawn("haproxy", ["-db", "-q", "-f", config], { stdio: ["ignore", "ignore", "pipe"] });
  const ended = once(child, "exit");
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    said = (said + text).slice(-4000);
  });
  owner.after(async () => {
    child.kill("SIGKILL");
    await ended;
  });

  async function up(): Promise<number[]> {
    const response = await fetch(`http://127.0.0.1:${stats}/stats;csv`);
    const rows = (await response.text()).split("\n").map((line) => line.split(","));
    const status = rows[0]?.indexOf("status") ?? -1;
    const isUp = (index: number) =>
      rows.some((row) => row[0] === "api" && row[1] === `node${index}` && row[status]?.startsWith("UP"));
    return nodes.map((_, index) => index).filter(isUp);
  }

  await until("haproxy sends to every node", async () => {
    if (child.exitCode !== null) throw new Error(`haproxy ended with ${child.exitCode}: ${said}`);
    const found = await up().catch(() => []); // it does not listen yet
    return found.length === nodes.length;
  });
  return { api: `https://127.0.0.1:${api}`, console: `https://127.0.0.1:${console_}`, up };
}

function configOf(nodes: Behind[], ports: { api: number; console: number; stats: number }): string {
  const part = (name: "api" | "console") => [
    `listen ${name}`,
    `  bind 127.0.0.1:${ports[name]}`,
    "  balance leastconn",
    "  option httpchk GET /health/ready",
    // A node that is taken out answers nobody: whoever still holds a connection to it is sent to another.
    "  default-server inter 500ms fastinter 250ms fall 2 rise 1 on-marked-down shutdown-sessions",
    ...nodes.map((node, index) => {
      const { host } = new URL(node[name]);
      return `  server node${index} ${host} check port ${new URL(node.metrics).port}`;
    }),
  ];
  return `${[
    "defaults",
    "  mode tcp",
    "  timeout connect 2s",
    "  timeout check 3s",
    // Above the agents' heartbeat, or quiet connections would be cut.
    "  timeout client 60s",
    "  timeout server 60s",
    "  option redispatch",
    ...part("api"),
    ...part("console"),
    "frontend stats",
    "  mode http",
    `  bind 127.0.0.1:${ports.stats}`,
    "  stats enable",
    "  stats uri /stats",
  ].join("\n")}\n`;
}

/** All held open until the last is known, so that no port comes twice. */
async function freePorts(count: 3): Promise<[number, number, number]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, "127.0.0.1"));
  await Promise.all(servers.map((server) => once(server, "listening")));
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => once(server.close(), "close")));
  return ports as [number, number, number];
}
